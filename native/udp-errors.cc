#include "socket.h"
#include "udp-frame.h"
#include "udp-receive.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <sys/socket.h>

#include <cstring>

using namespace wire;

namespace {

/** More of a datagram than any error quotes: RFC 4443 §2.4 (c), the minimum MTU of IPv6. */
constexpr uint32_t QUOTED_BYTES = 1280;

constexpr uint8_t TTL = 64;

struct QueuedError {
  SocketAddress to; // of the datagram
  SocketAddress by; // who says it
  sock_extended_err what;
  uint32_t quotedBytes; // of the payload
};

/** What the raw sockets let pass, too. */
bool isWanted(const sock_extended_err& what) {
  if (what.ee_origin == SO_EE_ORIGIN_ICMP) return what.ee_type == ICMP_DEST_UNREACH;
  if (what.ee_origin != SO_EE_ORIGIN_ICMP6) return false;
  return what.ee_type == ICMPV6_DEST_UNREACH || what.ee_type == ICMPV6_PKT_TOOBIG;
}

/** False: there is none that an ICMP message told of; `isEmpty` says whether more may come. */
bool readError(int fd, uint8_t* payload, QueuedError& error, bool& isEmpty) {
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof error.what + sizeof error.by) + 128];
  iovec part{payload, QUOTED_BYTES};
  msghdr header{};
  header.msg_name = &error.to;
  header.msg_namelen = sizeof error.to;
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  const ssize_t got = recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT);
  isEmpty = got < 0;
  if (isEmpty) return false;
  error.quotedBytes = got;
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    const bool isV4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
    const bool isV6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
    if (!isV4 && !isV6) continue;
    std::memcpy(&error.what, CMSG_DATA(c), sizeof error.what);
    std::memcpy(&error.by, CMSG_DATA(c) + sizeof error.what,
                isV4 ? sizeof error.by.v4 : sizeof error.by.v6);
    return isWanted(error.what);
  }
  return false;
}

/** Everything before the quoted payload. Returns the bytes of the frame. */
uint32_t writeError(uint8_t* frame, const SocketAddress& at, const QueuedError& error) {
  const int family = at.family();
  const bool isV4 = at.isV4();
  const uint32_t quoted = ipBytes(family) + UDP_BYTES + error.quotedBytes;
  const IpFields outer{error.by, at, isV4 ? ICMP : ICMPV6, 0, TTL};
  const uint32_t ip = writeIp(frame, outer, ICMP_BYTES + quoted);
  uint8_t* const icmp = frame + ip;
  uint8_t* const inner = icmp + ICMP_BYTES;
  const IpFields sent{at, error.to, UDP, 0, TTL};
  const uint32_t innerIp = writeBareIp(inner, sent, UDP_BYTES + error.quotedBytes);
  writeUdp(inner + innerIp, at.port(), error.to.port(), error.quotedBytes);
  // The MTU of "too big" (RFC 4443 §3.2), or of "fragmentation needed" (RFC 1191 §4), is
  // in the low bytes of the same word.
  const uint32_t mtu = htonl(error.what.ee_info);
  icmp[0] = error.what.ee_type;
  icmp[1] = error.what.ee_code;
  std::memset(icmp + 2, 0, 2);
  std::memcpy(icmp + 4, &mtu, sizeof mtu);
  const uint32_t bytes = ICMP_BYTES + quoted;
  const uint16_t checksum = htons(checksumOf(icmp, bytes, isV4 ? 0 : pseudoSum(outer, bytes)));
  std::memcpy(icmp + 2, &checksum, sizeof checksum);
  return ip + bytes;
}

} // namespace

void receiveQueuedErrors(const Memory& memory, const UdpSource& source, Slots& slots,
                         uint32_t most) {
  const uint32_t ip = ipBytes(source.at.family());
  const uint32_t before = ETHERNET_BYTES + ip + ICMP_BYTES + ip + UDP_BYTES;
  for (; most > 0 && slots.free(1) != 0; most--) {
    const uint32_t data = slots.data(0);
    uint8_t* const frame = memory.base + data;
    QueuedError error;
    bool isEmpty;
    const bool isIcmp = readError(source.fd, frame + before, error, isEmpty);
    if (isEmpty) break;
    if (!isIcmp || error.by.family() != source.at.family()) continue;
    slots.keep(data, writeError(frame, source.at, error), 0);
    slots.renew();
  }
  // Clears an error that found no room in the queue: epoll would report it for ever.
  optionOf(source.fd, SOL_SOCKET, SO_ERROR);
}
