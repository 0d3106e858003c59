#include "packet.h"

#include "error.h"
#include "netns.h"
#include "socket.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/ethernet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace {

constexpr int IGNORE_OUTGOING = 23; // PACKET_IGNORE_OUTGOING: Linux 4.20

/** For about a hundred frames of 64 KiB, or some thousand of 1500 bytes. */
constexpr int QUEUE_BYTES = 8 << 20;

ifreq request(const Fd& fd, unsigned long call, const char* name, const std::string& interface) {
  ifreq device{};
  if (interface.size() >= sizeof device.ifr_name) throw SystemError{name, interface, ENAMETOOLONG};
  std::memcpy(device.ifr_name, interface.c_str(), interface.size());
  if (ioctl(fd.get(), call, &device) < 0) fail(name, interface);
  return device;
}

/** Takes nothing before it is bound, so nothing from another interface. */
Fd openSocket(const std::string& interface) {
  Fd fd(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.isOpen()) fail("socket(AF_PACKET)", interface);
  setOption(fd, SOL_PACKET, PACKET_VNET_HDR, 1, interface);
  setOption(fd, SOL_PACKET, PACKET_AUXDATA, 1, interface);
  setOption(fd, SOL_PACKET, IGNORE_OUTGOING, 1, interface);
  setBuffers(fd, QUEUE_BYTES);
  return fd;
}

void bindTo(const Fd& fd, int ifindex, const std::string& interface) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = ifindex;
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    fail("bind", interface);
  }
  packet_mreq membership{};
  membership.mr_ifindex = ifindex;
  membership.mr_type = PACKET_MR_PROMISC;
  if (setsockopt(fd.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership) < 0) {
    fail("PACKET_ADD_MEMBERSHIP", interface);
  }
}

Fd openLinks() {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd.isOpen()) fail("socket(AF_NETLINK)", "links");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    fail("bind", "links");
  }
  return fd;
}

/** Loopback frames have Ethernet headers too. */
void readFacts(Packet& packet, const std::string& interface) {
  const ifreq hardware = request(packet.packet, SIOCGIFHWADDR, "SIOCGIFHWADDR", interface);
  const int type = hardware.ifr_hwaddr.sa_family;
  if (type != ARPHRD_ETHER && type != ARPHRD_LOOPBACK) {
    throw SystemError{"bind", interface + " (not an Ethernet interface)", EPROTOTYPE};
  }
  std::memcpy(packet.mac.data(), hardware.ifr_hwaddr.sa_data, packet.mac.size());
  packet.mtuBytes = request(packet.packet, SIOCGIFMTU, "SIOCGIFMTU", interface).ifr_mtu;
}

} // namespace

Packet openPacket(const PacketOptions& options) {
  const std::string& interface = options.interface;
  const Fd netns = options.netns.empty() ? Fd() : openNetns(options.netns);
  Packet result;
  inNetns(netns.get(), [&] {
    result.packet = openSocket(interface);
    result.links = openLinks();
    result.ifindex = request(result.packet, SIOCGIFINDEX, "SIOCGIFINDEX", interface).ifr_ifindex;
    readFacts(result, interface);
    bindTo(result.packet, result.ifindex, interface);
  });
  return result;
}

bool isPacket(int fd) {
  return optionOf(fd, SOL_SOCKET, SO_DOMAIN) == AF_PACKET;
}

bool isLinks(int fd) {
  return isSocket(fd, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

bool hasInterface(int packet) {
  sockaddr_ll address{};
  socklen_t bytes = sizeof address;
  if (getsockname(packet, reinterpret_cast<sockaddr*>(&address), &bytes) < 0) return false;
  return address.sll_ifindex > 0; // -1 once it was unregistered
}
