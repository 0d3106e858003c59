/** Work in another network namespace. The calling thread never enters it. */
#pragma once

#include "fd.h"

#include <functional>
#include <string>

/** Opens the namespace called `netns` by `ip netns`, or at that path if it has a slash. */
Fd openNetns(const std::string& netns);

/** Moves a link of this thread's namespace and gives it the name `name` over there. */
void moveLink(int ifindex, int netnsFd, const std::string& name);

/** Runs `body` in that namespace, or just so if -1. What it throws is thrown here. */
void inNetns(int netnsFd, const std::function<void()>& body);

/** Whether `fd` is an open network namespace. */
bool isNetns(int fd);

/** A socket for interface ioctls, of that namespace, or of this thread's if -1. */
Fd openControlSocket(int netnsFd);
