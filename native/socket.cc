#include "socket.h"

#include "error.h"

#include <sys/socket.h>

void setOption(const Fd& fd, int level, int option, int value, const std::string& object) {
  if (!tryOption(fd.get(), level, option, value)) {
    fail("setsockopt(" + std::to_string(level) + ", " + std::to_string(option) + ")", object);
  }
}

bool tryOption(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

int optionOf(int fd, int level, int option) {
  int value = -1;
  socklen_t bytes = sizeof value;
  return getsockopt(fd, level, option, &value, &bytes) == 0 ? value : -1;
}

void setBuffers(const Fd& fd, int bytes) {
  const int options[][2] = {{SO_RCVBUFFORCE, SO_RCVBUF}, {SO_SNDBUFFORCE, SO_SNDBUF}};
  for (const auto [force, ask] : options) {
    if (!tryOption(fd.get(), SOL_SOCKET, force, bytes)) tryOption(fd.get(), SOL_SOCKET, ask, bytes);
  }
}

bool isSocket(int fd, int domain, int type, int protocol) {
  return optionOf(fd, SOL_SOCKET, SO_DOMAIN) == domain &&
         optionOf(fd, SOL_SOCKET, SO_TYPE) == type &&
         optionOf(fd, SOL_SOCKET, SO_PROTOCOL) == protocol;
}
