#include "udp.h"

#include "error.h"
#include "netns.h"
#include "socket.h"
#include "udp-multicast.h"

#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <cerrno>

#ifndef UDP_GRO
#define UDP_GRO 104 // Linux 5.0
#endif

namespace {

// Kernel headers that do not go together with those of the C library.
constexpr int NO_CHECK6_RX = 102; // linux/udp.h
constexpr int AUTOFLOWLABEL = 70; // linux/in6.h

/** For about a hundred coalesced receives of 64 KiB, or some thousand datagrams. */
constexpr int QUEUE_BYTES = 8 << 20;
/** Of a socket that takes only errors about what it sent. */
constexpr int ERROR_QUEUE_BYTES = 16 << 10;

constexpr uint8_t UDP_PROTOCOL = 17;
constexpr uint32_t WHOLE_PACKET = 0x40000;

void setFilter(const Fd& fd, sock_filter* code, uint16_t length, const std::string& object) {
  const sock_fprog program{length, code};
  if (setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) {
    fail("SO_ATTACH_FILTER", object);
  }
}

Fd openSocket(int family, int type, int protocol, const std::string& object) {
  Fd fd(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  if (!fd.isOpen()) fail(type == SOCK_RAW ? "socket(SOCK_RAW)" : "socket", object);
  return fd;
}

Fd openReceive(const SocketAddress& at) {
  const std::string object = at.text();
  Fd fd = openSocket(at.family(), SOCK_DGRAM, IPPROTO_UDP, object);
  setBuffers(fd, QUEUE_BYTES);
  setOption(fd, IPPROTO_UDP, UDP_GRO, 1, object);
  if (at.isV4()) {
    setOption(fd, IPPROTO_IP, IP_RECVTOS, 1, object);
    setOption(fd, IPPROTO_IP, IP_RECVTTL, 1, object);
    return fd;
  }
  setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1, object);
  setOption(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1, object);
  setOption(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, object);
  setOption(fd, IPPROTO_UDP, NO_CHECK6_RX, 1, object); // RFC 6936
  return fd;
}

Fd openRaw(const SocketAddress& at) {
  Fd fd = openSocket(at.family(), SOCK_RAW, IPPROTO_RAW, at.text());
  setBuffers(fd, QUEUE_BYTES);
  setFragmenting(fd.get(), at.family(), true); // the bit itself is that of the packet
  return fd;
}

/** Destination unreachable (and, over IPv6, packet too big) about UDP. */
Fd openErrors(const SocketAddress& at) {
  const std::string object = at.text();
  Fd fd = openSocket(at.family(), SOCK_RAW, at.isV4() ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6},
                     object);
  if (at.isV4()) {
    // Types that are set do not pass, linux/icmp.h. The filter sees the IP header.
    setOption(fd, SOL_RAW, ICMP_FILTER, ~(1 << ICMP_DEST_UNREACH), object);
    sock_filter aboutUdp[] = {
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, sizeof(icmphdr) + 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UDP_PROTOCOL, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, WHOLE_PACKET),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    setFilter(fd, aboutUdp, std::size(aboutUdp), object);
    return fd;
  }
  icmp6_filter types;
  for (auto& word : types.data) word = UINT32_MAX;
  types.data[0] &= ~(1u << ICMPV6_DEST_UNREACH | 1u << ICMPV6_PKT_TOOBIG);
  if (setsockopt(fd.get(), SOL_ICMPV6, ICMPV6_FILTER, &types, sizeof types) < 0) {
    fail("ICMPV6_FILTER", object);
  }
  sock_filter aboutUdp[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, sizeof(icmp6hdr) + 6),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UDP_PROTOCOL, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, WHOLE_PACKET),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  setFilter(fd, aboutUdp, std::size(aboutUdp), object);
  setOption(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, object);
  setOption(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1, object);
  return fd;
}

Fd openKind(UdpKind kind, const SocketAddress& at) {
  if (kind == UdpKind::Receive) return openReceive(at);
  return kind == UdpKind::Raw ? openRaw(at) : openErrors(at);
}

} // namespace

Fd openUdp(const UdpOptions& options) {
  const uint16_t port = options.kind == UdpKind::Receive ? options.port : 0;
  const SocketAddress at = SocketAddress::parse(options.address, port, "bind");
  const Fd netns = options.netns.empty() ? Fd() : openNetns(options.netns);
  Fd fd;
  int ifindex = 0;
  inNetns(netns.get(), [&] {
    fd = openKind(options.kind, at);
    ifindex = ifindexOf(options.via.empty() ? at : SocketAddress::parse(options.via, 0, "bind"));
  });
  // Others may be members too.
  if (isGroup(at)) setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1, at.text());
  if (bind(fd.get(), &at.any, at.bytes()) < 0) fail("bind", at.text());
  if (isGroup(at)) joinGroup(fd.get(), at, ifindex);
  else setGroupInterface(fd.get(), at.family(), ifindex);
  return fd;
}

Fd openUdpSender(int family, bool hasErrorQueue) {
  Fd fd = openSocket(family, SOCK_DGRAM, IPPROTO_UDP, "sender");
  setBuffers(fd, QUEUE_BYTES);
  tryOption(fd.get(), SOL_SOCKET, SO_RCVBUF, ERROR_QUEUE_BYTES);
  sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
  setFilter(fd, nothing, std::size(nothing), "sender");
  if (family == AF_INET6) {
    setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1, "sender");
    tryOption(fd.get(), IPPROTO_IPV6, AUTOFLOWLABEL, 0); // the label of the frame is zero
  }
  if (hasErrorQueue) setErrorQueue(fd.get(), family);
  return fd;
}

void setErrorQueue(int fd, int family) {
  if (family == AF_INET) tryOption(fd, IPPROTO_IP, IP_RECVERR, 1);
  else tryOption(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
}

void setFragmenting(int fd, int family, bool isDontFragment) {
  if (family == AF_INET) {
    const int how = isDontFragment ? IP_PMTUDISC_PROBE : IP_PMTUDISC_INTERFACE;
    tryOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, how);
    return;
  }
  tryOption(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
  tryOption(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1); // or the sender itself would
}

bool isUdpReceive(int fd) {
  return optionOf(fd, IPPROTO_UDP, UDP_GRO) == 1;
}

bool isUdpRaw(int fd) {
  return isSocket(fd, AF_INET, SOCK_RAW, IPPROTO_RAW) ||
         isSocket(fd, AF_INET6, SOCK_RAW, IPPROTO_RAW);
}

bool isUdpErrors(int fd) {
  return isSocket(fd, AF_INET, SOCK_RAW, IPPROTO_ICMP) ||
         isSocket(fd, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
}

SocketAddress boundAddress(int fd) {
  SocketAddress result;
  socklen_t bytes = sizeof result;
  if (getsockname(fd, &result.any, &bytes) < 0) fail("getsockname", std::to_string(fd));
  return result;
}
