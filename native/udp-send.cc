#include "udp-send.h"

#include "send-batch.h"
#include "socket.h"
#include "udp.h"

#include <netinet/udp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 // Linux 4.18
#endif

namespace {

using abi::number;

constexpr int NO_CHECK6_TX = 101; // linux/udp.h
constexpr uint8_t GSO_TYPE_BITS = 0x7f; // the other one is ECN

/** What is said beside the datagram. */
class Control {
 public:
  template <class Value> void add(int level, int type, Value value) {
    auto* const message = reinterpret_cast<cmsghdr*>(bytes_ + used_);
    message->cmsg_level = level;
    message->cmsg_type = type;
    message->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(message), &value, sizeof value);
    used_ += CMSG_SPACE(sizeof value);
  }

  void attach(msghdr& header) {
    header.msg_control = bytes_;
    header.msg_controllen = used_;
  }

 private:
  alignas(cmsghdr) uint8_t bytes_[3 * CMSG_SPACE(sizeof(int))] = {};
  size_t used_ = 0;
};

void adjust(UdpSender& sender, const UdpFrame& headers, bool hasChecksum) {
  const int fd = sender.fd.get();
  const int family = sender.at.family();
  if (sender.isDontFragment != headers.isDontFragment) {
    setFragmenting(fd, family, headers.isDontFragment);
    sender.isDontFragment = headers.isDontFragment;
  }
  if (sender.hasChecksum != hasChecksum) {
    if (family == AF_INET) tryOption(fd, SOL_SOCKET, SO_NO_CHECK, !hasChecksum);
    else tryOption(fd, IPPROTO_UDP, NO_CHECK6_TX, !hasChecksum);
    sender.hasChecksum = hasChecksum;
  }
}

void addFields(Control& control, const UdpFrame& headers) {
  if (headers.to.isV4()) {
    control.add(IPPROTO_IP, IP_TOS, int{headers.tos});
    control.add(IPPROTO_IP, IP_TTL, int{headers.ttl});
  } else {
    control.add(IPPROTO_IPV6, IPV6_TCLASS, int{headers.tos});
    control.add(IPPROTO_IPV6, IPV6_HOPLIMIT, int{headers.ttl});
  }
}

} // namespace

int sendUdp(const Memory& memory, UdpSender& sender, const TxFrame& frame,
            const UdpFrame& headers) {
  const size_t vnet = size_t{frame.data} - abi::VNET_BYTES;
  uint8_t gsoType = 0;
  uint16_t segmentBytes = 0;
  if (frame.isOffload) {
    gsoType = memory.load<uint8_t>(vnet + number(abi::Vnet::GsoType)) & GSO_TYPE_BITS;
    segmentBytes = memory.load<uint16_t>(vnet + number(abi::Vnet::GsoBytes));
  }
  if (gsoType != 0 && (gsoType != virtio::GSO_UDP_L4 || segmentBytes == 0)) return EINVAL;
  iovec payload{memory.base + frame.data + headers.headerBytes, frame.bytes - headers.headerBytes};
  const bool isCut = gsoType != 0 && payload.iov_len > segmentBytes;
  adjust(sender, headers, headers.hasChecksum || frame.isOffload);
  Control control;
  addFields(control, headers);
  if (isCut) control.add(IPPROTO_UDP, UDP_SEGMENT, segmentBytes);
  msghdr header{};
  SocketAddress to = headers.to;
  header.msg_name = &to;
  header.msg_namelen = to.bytes();
  header.msg_iov = &payload;
  header.msg_iovlen = 1;
  control.attach(header);
  for (int tries = 1;; tries++) {
    if (sendmsg(sender.fd.get(), &header, MSG_DONTWAIT) >= 0) return 0;
    if (!isWorthRetry(errno, tries)) return errno;
  }
}
