/**
 * A port of kind udp: an IP underlay over ordinary sockets, which needs no right but where
 * CAP_NET_RAW makes it faster and more exact. Frames are those of udp-frame.h.
 *
 * Single datagrams go out as whole IP packets through a raw socket, many a system call. What
 * is to be cut or to get a checksum, and everything where raw sockets are not allowed, goes
 * through a socket of its source port (udp-senders.h). Both hand the packet to the device
 * before they return, so the order of a flow is kept.
 *
 * ICMP errors come from a raw socket, or else from the error queues of the sending sockets.
 */
#pragma once

#include "address.h"
#include "descriptor.h"
#include "fd.h"
#include "port.h"
#include "send-batch.h"
#include "slots.h"
#include "udp-frame.h"
#include "udp-senders.h"

#include <memory>
#include <vector>

struct UdpSockets {
  std::vector<Fd> receive;
  std::vector<Fd> raw;
  std::vector<Fd> errors;
  Fd netns; // may be none
};

class UdpPort : public Port {
 public:
  explicit UdpPort(UdpSockets sockets);

  std::vector<int> inputs() const override;
  void joined(Poll& poll, uint16_t index) override;
  void markReady(uint32_t input, bool hasError) override;
  int32_t receive(const Memory& memory, const RxTarget& target) override;
  uint32_t send(const Memory& memory, const TxRun& run) override;

 private:
  struct Input {
    Fd fd;
    SocketAddress at;
    bool isErrors;
    bool isReady = false;
    bool hasError = false;
  };

  /** What there is for one of our addresses. */
  struct Way {
    UdpSenders senders;
    int raw = -1;
    std::vector<uint32_t> failed; // places of senders whose error queue has something
  };

  Way* wayOf(int family) const;
  void makeWay(const SocketAddress& at, const UdpSockets& sockets);
  void adopt(const Fd& fd, const SocketAddress& at);
  void receiveErrors(const Memory& memory, Slots& slots);
  UdpSender* senderFor(Way& way, uint16_t port);
  int sendBySender(const Memory& memory, const TxFrame& frame, const UdpFrame& headers);

  std::vector<Input> inputs_;
  std::vector<Fd> raw_;
  Fd netns_;
  std::vector<std::unique_ptr<Way>> ways_; // at most one a family
  uint32_t first_ = 0;                     // input that is read first
  Poll* poll_ = nullptr;
  uint16_t index_ = 0;
};
