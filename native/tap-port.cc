#include "tap-port.h"

#include "burst.h"
#include "descriptor.h"
#include "slots.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace {

ssize_t sendFrame(const Memory& memory, int fd, const TxFrame& frame) {
  uint8_t* const data = memory.base + frame.data;
  if (frame.isOffload) return write(fd, data - abi::VNET_BYTES, frame.bytes + abi::VNET_BYTES);
  const iovec parts[] = {{const_cast<uint8_t*>(NO_OFFLOAD), sizeof NO_OFFLOAD},
                         {data, frame.bytes}};
  return writev(fd, parts, 2);
}

/** EBADFD: deleted. EIO: down. Found on Linux 6.18; the others are what a driver may say. */
bool isGone(int error) {
  return error == EBADFD || error == EIO || error == ENODEV || error == ENETDOWN;
}

/** False: marked, as the device did not take it: it is gone, down or full. */
bool sendOrMark(const Memory& memory, int fd, size_t at) {
  const TxFrame frame = loadTx(memory, at);
  Refusal refusal = Refusal::Refused;
  if (frame.isInside(memory)) {
    for (int tries = 0; tries < FULL_QUEUE_TRIES; tries++) {
      if (sendFrame(memory, fd, frame) >= 0) return true;
      if (errno == EAGAIN || errno == EINTR) continue;
      if (isGone(errno)) refusal = Refusal::Gone;
      break;
    }
  }
  markTx(memory, at, refusal);
  return false;
}

} // namespace

int32_t TapPort::receive(const Memory& memory, const RxTarget& target) {
  constexpr uint32_t MOST_BYTES = abi::VNET_BYTES + abi::MAX_FRAME_BYTES;
  Slots slots(memory, target);
  int error = 0;
  for (; slots.free(1) != 0; slots.renew()) {
    const uint32_t data = slots.data(0);
    uint8_t* const header = memory.base + data - abi::VNET_BYTES;
    const ssize_t got = read(fd_.get(), header, MOST_BYTES);
    if (got < 0 && errno == EINTR) continue;
    if (got <= abi::VNET_BYTES) {
      error = got < 0 && errno != EAGAIN ? errno : 0;
      break;
    }
    slots.keep(data, got - abi::VNET_BYTES, rxFlags(header));
  }
  slots.finish();
  return slots.kept() == 0 ? -error : slots.kept();
}

uint32_t TapPort::send(const Memory& memory, const TxRun& run) {
  uint32_t refused = 0;
  for (uint32_t i = 0; i < run.count; i++) {
    if (!sendOrMark(memory, fd_.get(), run.first + size_t{i} * abi::TX_BYTES)) refused++;
  }
  return refused;
}
