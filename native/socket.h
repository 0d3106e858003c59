/** Socket options, and telling our sockets apart. */
#pragma once

#include "fd.h"

#include <cstdint>
#include <string>

/** Sets an option whose value is a number. Throws. */
void setOption(const Fd& fd, int level, int option, int value, const std::string& object);

/** Sets it if the kernel can; returns whether. */
bool tryOption(int fd, int level, int option, int value);

/** The value of an option that is a number; -1 if the socket has none or `fd` is no socket. */
int optionOf(int fd, int level, int option);

/** Asks for so many bytes in both queues, or for as many as this process may have. */
void setBuffers(const Fd& fd, int bytes);

/** Whether `fd` is a socket of this kind. */
bool isSocket(int fd, int domain, int type, int protocol);
