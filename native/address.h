/** IP addresses and ports, as sockets and as headers have them. */
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string>

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;

  /** From text. Throws a `SystemError` about `call`. */
  static SocketAddress parse(const std::string& address, uint16_t port, const char* call);

  /** From the `ipBytes()` bytes of a header. */
  static SocketAddress from(int family, const void* ip, uint16_t port);

  int family() const { return any.sa_family; }
  bool isV4() const { return family() == AF_INET; }
  socklen_t bytes() const { return isV4() ? sizeof v4 : sizeof v6; }

  /** The address as on the wire. */
  const void* ip() const { return isV4() ? static_cast<const void*>(&v4.sin_addr) : &v6.sin6_addr; }
  uint32_t ipBytes() const { return isV4() ? sizeof v4.sin_addr : sizeof v6.sin6_addr; }

  uint16_t port() const { return ntohs(isV4() ? v4.sin_port : v6.sin6_port); }
  void setPort(uint16_t port);

  /** `10.0.0.1:4789`. */
  std::string text() const;
};
