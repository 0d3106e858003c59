/** Frames on their way into one socket, many a system call, in order. */
#pragma once

#include "address.h"
#include "burst.h"
#include "memory.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>

class SendBatch {
 public:
  explicit SendBatch(const Memory& memory) : memory_(memory) {}

  bool isFull() const { return count_ == CALL_FRAMES; }

  /** The frame whose descriptor is at `at`. One part or two; no `to` where the socket knows. */
  void add(size_t at, iovec first, iovec second = {}, const SocketAddress* to = nullptr);

  /** Sends all. Marks the descriptors of what is not taken, and returns how many. */
  uint32_t flush(int fd);

 private:
  const Memory& memory_;
  uint32_t count_ = 0;
  size_t at_[CALL_FRAMES];
  iovec parts_[CALL_FRAMES][2];
  SocketAddress to_[CALL_FRAMES];
  mmsghdr messages_[CALL_FRAMES];
};

/** Whether to try once more after an errno of sending, `tries` having failed. */
bool isWorthRetry(int error, int tries);

/** Whether an errno of sending means that the device is gone, or down. */
bool isDeviceGone(int error);
