#include "udp-receive.h"

#include "burst.h"
#include "descriptor.h"
#include "udp-frame.h"

#include <netinet/udp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#ifndef UDP_GRO
#define UDP_GRO 104 // Linux 5.0
#endif

using namespace wire;

namespace {

using abi::number;

/** Errors of other datagrams that a socket may say before it gives any. */
constexpr int MOST_ERRORS = 64;

constexpr size_t CONTROL_BYTES = 3 * CMSG_SPACE(sizeof(int)); // TOS, TTL, segment bytes

/** What recvmmsg fills in. */
struct Messages {
  mmsghdr headers[CALL_FRAMES];
  iovec parts[CALL_FRAMES];
  SocketAddress from[CALL_FRAMES];
  alignas(cmsghdr) uint8_t control[CALL_FRAMES][CONTROL_BYTES];

  void prepare(uint32_t i, uint8_t* payload, uint32_t bytes) {
    parts[i] = {payload, bytes};
    msghdr& header = headers[i].msg_hdr;
    header = {};
    header.msg_name = &from[i];
    header.msg_namelen = sizeof from[i];
    header.msg_iov = &parts[i];
    header.msg_iovlen = 1;
    header.msg_control = control[i];
    header.msg_controllen = sizeof control[i];
  }
};

/** IP_TOS comes as a byte, the others as an int. */
int valueOf(const cmsghdr* message) {
  if (message->cmsg_len == CMSG_LEN(sizeof(uint8_t))) return *CMSG_DATA(message);
  int value;
  std::memcpy(&value, CMSG_DATA(message), sizeof value);
  return value;
}

struct Said {
  uint8_t tos = 0;
  uint8_t ttl = 0;
  uint32_t segmentBytes = 0;

  explicit Said(msghdr& header) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      const int level = c->cmsg_level;
      const int type = c->cmsg_type;
      if (level == IPPROTO_UDP && type == UDP_GRO) segmentBytes = valueOf(c);
      if (level == IPPROTO_IP && type == IP_TOS) tos = valueOf(c);
      if (level == IPPROTO_IP && type == IP_TTL) ttl = valueOf(c);
      if (level == IPPROTO_IPV6 && type == IPV6_TCLASS) tos = valueOf(c);
      if (level == IPPROTO_IPV6 && type == IPV6_HOPLIMIT) ttl = valueOf(c);
    }
  }
};

/** As a device would say it: the checksum of each datagram is yet to be written. */
void writeSegmentation(const Memory& memory, uint32_t data, uint32_t headers, uint16_t segment) {
  const uint32_t vnet = data - abi::VNET_BYTES;
  memory.store<uint8_t>(vnet + number(abi::Vnet::Flags), virtio::NEEDS_CSUM);
  memory.store<uint8_t>(vnet + number(abi::Vnet::GsoType), virtio::GSO_UDP_L4);
  memory.store<uint16_t>(vnet + number(abi::Vnet::HeaderBytes), headers);
  memory.store<uint16_t>(vnet + number(abi::Vnet::GsoBytes), segment);
  memory.store<uint16_t>(vnet + number(abi::Vnet::ChecksumStart), headers - UDP_BYTES);
  memory.store<uint16_t>(vnet + number(abi::Vnet::ChecksumOffset), UDP_CHECKSUM_OFFSET);
}

void keepDatagram(const Memory& memory, const SocketAddress& at, Slots& slots, uint32_t data,
                  mmsghdr& message) {
  msghdr& header = message.msg_hdr;
  const auto& from = *static_cast<SocketAddress*>(header.msg_name);
  if ((header.msg_flags & MSG_TRUNC) != 0 || from.family() != at.family()) return;
  const Said said(header);
  const uint32_t payload = message.msg_len;
  uint8_t* const frame = memory.base + data;
  const IpFields fields{from, at, UDP, said.tos, said.ttl};
  const uint32_t ip = writeIp(frame, fields, UDP_BYTES + payload);
  writeUdp(frame + ip, from.port(), at.port(), payload);
  uint16_t flags = number(abi::RxFlag::Checked);
  if (said.segmentBytes != 0 && payload > said.segmentBytes) {
    writeSegmentation(memory, data, ip + UDP_BYTES, said.segmentBytes);
    flags |= number(abi::RxFlag::Offload);
  }
  slots.keep(data, ip + UDP_BYTES + payload, flags);
}

} // namespace

void receiveUdp(const Memory& memory, const UdpSource& source, Slots& slots) {
  const uint32_t before = ETHERNET_BYTES + ipBytes(source.at.family()) + UDP_BYTES;
  Messages messages;
  int errors = 0;
  while (const uint32_t most = slots.free(CALL_FRAMES)) {
    for (uint32_t i = 0; i < most; i++) {
      uint8_t* const payload = memory.base + slots.data(i) + before;
      messages.prepare(i, payload, abi::MAX_FRAME_BYTES - before);
    }
    const int got = recvmmsg(source.fd, messages.headers, most, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < got; i++) {
      keepDatagram(memory, source.at, slots, slots.data(i), messages.headers[i]);
    }
    slots.renew();
    if (got >= 0 && got < static_cast<int>(most)) return;
    if (got < 0 && (errno == EAGAIN || ++errors == MOST_ERRORS)) return;
  }
}

void receiveIcmp(const Memory& memory, const UdpSource& source, Slots& slots, uint32_t most) {
  const SocketAddress& at = source.at;
  Messages messages;
  for (; most > 0 && slots.free(1) != 0; most--) {
    const uint32_t data = slots.data(0);
    uint8_t* const frame = memory.base + data;
    // Over IPv4 the packet comes with its header, over IPv6 without.
    const uint32_t before = ETHERNET_BYTES + (at.isV4() ? 0 : IPV6_BYTES);
    messages.prepare(0, frame + before, abi::MAX_FRAME_BYTES - before);
    msghdr& header = messages.headers[0].msg_hdr;
    const ssize_t got = recvmsg(source.fd, &header, MSG_DONTWAIT);
    if (got < 0) return;
    if ((header.msg_flags & MSG_TRUNC) != 0) continue;
    if (at.isV4()) {
      writeEthernet(frame, at.family());
    } else {
      const Said said(header);
      writeIp(frame, {messages.from[0], at, ICMPV6, said.tos, said.ttl}, got);
    }
    slots.keep(data, before + got, 0);
    slots.renew();
  }
}
