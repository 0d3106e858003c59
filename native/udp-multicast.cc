#include "udp-multicast.h"

#include "error.h"
#include "socket.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>

namespace {

bool hasAddress(const sockaddr* candidate, const SocketAddress& address) {
  if (candidate == nullptr || candidate->sa_family != address.family()) return false;
  SocketAddress other{};
  std::memcpy(&other, candidate, address.bytes());
  return std::memcmp(other.ip(), address.ip(), address.ipBytes()) == 0;
}

} // namespace

int ifindexOf(const SocketAddress& address) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) < 0) return 0;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (hasAddress(entry->ifa_addr, address)) return if_nametoindex(entry->ifa_name);
  }
  return 0;
}

bool isGroup(const SocketAddress& address) {
  if (address.isV4()) return IN_MULTICAST(ntohl(address.v4.sin_addr.s_addr));
  return IN6_IS_ADDR_MULTICAST(&address.v6.sin6_addr);
}

void joinGroup(int fd, const SocketAddress& group, int ifindex) {
  group_req request{};
  request.gr_interface = ifindex;
  std::memcpy(&request.gr_group, &group, group.bytes());
  const int level = group.isV4() ? int{IPPROTO_IP} : int{IPPROTO_IPV6};
  if (setsockopt(fd, level, MCAST_JOIN_GROUP, &request, sizeof request) < 0) {
    fail("MCAST_JOIN_GROUP", group.text());
  }
}

void setGroupInterface(int fd, int family, int ifindex) {
  if (family == AF_INET) {
    ip_mreqn request{};
    request.imr_ifindex = ifindex;
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request);
    tryOption(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
  } else {
    tryOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, ifindex);
    tryOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
  }
}
