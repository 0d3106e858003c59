#include "address.h"

#include "error.h"

#include <arpa/inet.h>

#include <cerrno>
#include <cstring>

SocketAddress SocketAddress::parse(const std::string& address, uint16_t port, const char* call) {
  const int family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  in6_addr ip;
  if (inet_pton(family, address.c_str(), &ip) != 1) throw SystemError{call, address, EINVAL};
  return from(family, &ip, port);
}

SocketAddress SocketAddress::from(int family, const void* ip, uint16_t port) {
  SocketAddress result;
  result.v6 = {}; // the longest
  result.any.sa_family = family;
  std::memcpy(const_cast<void*>(result.ip()), ip, result.ipBytes());
  result.setPort(port);
  return result;
}

void SocketAddress::setPort(uint16_t port) {
  if (isV4()) v4.sin_port = htons(port);
  else v6.sin6_port = htons(port);
}

std::string SocketAddress::text() const {
  char ip_[INET6_ADDRSTRLEN] = "";
  inet_ntop(family(), ip(), ip_, sizeof ip_);
  const std::string name = isV4() ? ip_ : "[" + std::string(ip_) + "]";
  return name + ":" + std::to_string(port());
}
