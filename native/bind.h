/** Handles, and the ports they become. What a handle is the kernel is asked. */
#pragma once

#include "port.h"

#include <memory>
#include <string>
#include <vector>

/**
 * A port with descriptors of its own for these handles: one of a TAP, the two of an
 * interface, or any number of those of a port of kind udp.
 */
std::unique_ptr<Port> makePort(const std::vector<int>& handles, const std::string& object);

/** Whether this addon may have opened `fd`: a wrong number must not close somebody's file. */
bool isOurs(int fd);
