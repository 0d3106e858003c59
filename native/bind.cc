#include "bind.h"

#include "error.h"
#include "fd.h"
#include "packet-port.h"
#include "packet.h"
#include "poll.h"
#include "tap-port.h"
#include "tap.h"
#include "udp-port.h"
#include "udp.h"
#include "netns.h"

#include <fcntl.h>

#include <cerrno>

namespace {

/** So that closing a handle elsewhere can never make a port mean another file. */
Fd duplicate(int handle, const std::string& object) {
  Fd fd(fcntl(handle, F_DUPFD_CLOEXEC, 0));
  if (!fd.isOpen()) fail("dup", object);
  return fd;
}

void place(UdpSockets& sockets, int handle, const std::string& object) {
  if (isUdpReceive(handle)) {
    sockets.receive.push_back(duplicate(handle, object));
  } else if (isUdpRaw(handle)) {
    sockets.raw.push_back(duplicate(handle, object));
  } else if (isUdpErrors(handle)) {
    sockets.errors.push_back(duplicate(handle, object));
  } else if (isNetns(handle)) {
    sockets.netns = duplicate(handle, object);
  } else {
    throw SystemError{"bindPort", object, EBADF};
  }
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
  UdpSockets sockets;
  for (const int handle : handles) place(sockets, handle, object);
  return std::make_unique<UdpPort>(std::move(sockets));
}

bool isOurs(int fd) {
  return isTap(fd) || isWake(fd) || isPacket(fd) || isLinks(fd) || isUdpReceive(fd) ||
         isUdpRaw(fd) || isUdpErrors(fd) || isNetns(fd);
}
