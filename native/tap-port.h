/**
 * A TAP as a port: a plain read and write for each frame. io_uring, packet rings and AF_XDP
 * gained nothing over it on a TAP.
 *
 * On Linux 6.18 a TAP that is set down reads as empty and works again when it is set up
 * (writes meanwhile: EIO); one that was deleted, alone or with its namespace, gives
 * EBADFD from then on, and epoll reports it each time until it is removed.
 */
#pragma once

#include "fd.h"
#include "port.h"

class TapPort : public Port {
 public:
  explicit TapPort(Fd fd) : fd_(std::move(fd)) {}

  std::vector<int> inputs() const override { return {fd_.get()}; }
  int32_t receive(const Memory& memory, const RxTarget& target) override;
  uint32_t send(const Memory& memory, const TxRun& run) override;

 private:
  Fd fd_;
};
