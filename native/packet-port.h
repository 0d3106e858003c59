/**
 * An interface as a port, many frames a system call.
 *
 * Set down, it reads as empty, refuses what it is sent, and works again when it is up.
 * Deleted, or moved to another namespace, it is gone for good (ENODEV). A frame that the
 * virtio header has no words for is lost in the kernel (EINVAL, Linux' packet_recvmsg):
 * the next one is read.
 */
#pragma once

#include "fd.h"
#include "port.h"

class PacketPort : public Port {
 public:
  PacketPort(Fd packet, Fd links) : packet_(std::move(packet)), links_(std::move(links)) {}

  std::vector<int> inputs() const override { return {packet_.get(), links_.get()}; }
  void markReady(uint32_t input, bool hasError) override;
  int32_t receive(const Memory& memory, const RxTarget& target) override;
  uint32_t send(const Memory& memory, const TxRun& run) override;

 private:
  bool isGone();

  Fd packet_;
  Fd links_;
  bool hasLinkNews_ = false;
};
