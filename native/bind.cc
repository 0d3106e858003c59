#include "bind.h"

#include "error.h"
#include "fd.h"
#include "packet-port.h"
#include "packet.h"
#include "poll.h"
#include "tap-port.h"
#include "tap.h"

#include <fcntl.h>

#include <cerrno>

namespace {

/** So that closing a handle elsewhere can never make a port mean another file. */
Fd duplicate(int handle, const std::string& object) {
  Fd fd(fcntl(handle, F_DUPFD_CLOEXEC, 0));
  if (!fd.isOpen()) fail("dup", object);
  return fd;
}

} // namespace

std::unique_ptr<Port> makePort(const std::vector<int>& handles, const std::string& object) {
  if (handles.size() == 1 && isTap(handles[0])) {
    return std::make_unique<TapPort>(duplicate(handles[0], object));
  }
  if (handles.size() == 2 && isPacket(handles[0]) && isLinks(handles[1])) {
    return std::make_unique<PacketPort>(duplicate(handles[0], object),
                                        duplicate(handles[1], object));
  }
  throw SystemError{"bindPort", object, EBADF};
}

bool isOurs(int fd) {
  return isTap(fd) || isWake(fd) || isPacket(fd) || isLinks(fd);
}
