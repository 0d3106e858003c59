#include "burst.h"

#include "abi.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace {

using abi::number;

/** virtio_net_hdr.flags: the checksum is partial (linux/virtio_net.h). */
constexpr uint8_t NEEDS_CSUM = 1;

/** How often a full queue is asked again before the frame is refused. */
constexpr int FULL_QUEUE_TRIES = 4;

uint64_t alignSlot(uint64_t address) {
  constexpr uint64_t MASK = abi::SLOT_ALIGN_BYTES - 1;
  return (address + MASK) & ~MASK;
}

/** Whether the header asks for more than "the checksum is good", which asks for nothing. */
bool asksForOffload(const uint8_t* header) {
  const uint8_t flags = header[number(abi::Vnet::Flags)];
  return (flags & NEEDS_CSUM) != 0 || header[number(abi::Vnet::GsoType)] != 0;
}

void storeRx(const Memory& memory, size_t at, uint32_t data, uint32_t bytes, uint32_t port) {
  const bool isOffload = asksForOffload(memory.base + data - abi::VNET_BYTES);
  memory.store<uint32_t>(at + number(abi::Rx::Data), data);
  memory.store<uint32_t>(at + number(abi::Rx::Length), bytes);
  memory.store<uint16_t>(at + number(abi::Rx::Port), port);
  memory.store<uint16_t>(at + number(abi::Rx::Flags), isOffload ? number(abi::RxFlag::Offload) : 0);
  memory.store<uint32_t>(at + number(abi::Rx::Original), 0);
}

struct Frame {
  uint32_t data;
  uint32_t bytes;
  bool isOffload;
};

ssize_t sendFrame(const Memory& memory, int fd, const Frame& frame) {
  static const uint8_t NO_OFFLOAD[abi::VNET_BYTES] = {};
  uint8_t* const data = memory.base + frame.data;
  if (frame.isOffload) return write(fd, data - abi::VNET_BYTES, frame.bytes + abi::VNET_BYTES);
  const iovec parts[] = {{const_cast<uint8_t*>(NO_OFFLOAD), sizeof NO_OFFLOAD},
                         {data, frame.bytes}};
  return writev(fd, parts, 2);
}

bool isInside(const Memory& memory, const Frame& frame) {
  const uint32_t before = frame.isOffload ? abi::VNET_BYTES : 0;
  if (frame.data < before || frame.bytes > abi::MAX_FRAME_BYTES) return false;
  return memory.holds(frame.data, frame.bytes);
}

/** EBADFD: deleted. EIO: down. Found on Linux 6.18; the others are what a driver may say. */
bool isGone(int error) {
  return error == EBADFD || error == EIO || error == ENODEV || error == ENETDOWN;
}

/** Zero, or the flags of a frame that the device did not take: it is gone, down or full. */
uint16_t sendOrFlag(const Memory& memory, int fd, const Frame& frame) {
  constexpr uint16_t REFUSED = number(abi::TxFlag::Refused);
  constexpr uint16_t GONE = REFUSED | number(abi::TxFlag::Gone);
  if (fd < 0) return GONE;
  if (!isInside(memory, frame)) return REFUSED;
  for (int tries = 0; tries < FULL_QUEUE_TRIES; tries++) {
    if (sendFrame(memory, fd, frame) >= 0) return 0;
    if (errno != EAGAIN && errno != EINTR) return isGone(errno) ? GONE : REFUSED;
  }
  return REFUSED;
}

} // namespace

int32_t receiveBurst(const Memory& memory, int fd, const RxTarget& target) {
  constexpr uint32_t MOST_BYTES = abi::VNET_BYTES + abi::MAX_FRAME_BYTES;
  uint64_t cursor = memory.load<uint32_t>(target.cursor);
  uint32_t received = 0;
  int error = 0;
  while (received < target.count) {
    const uint64_t data = alignSlot(cursor) + abi::HEADROOM_BYTES;
    if (data + abi::MAX_FRAME_BYTES > target.arenaEnd) break;
    const ssize_t got = read(fd, memory.base + data - abi::VNET_BYTES, MOST_BYTES);
    if (got < 0 && errno == EINTR) continue;
    if (got <= abi::VNET_BYTES) {
      error = got < 0 && errno != EAGAIN ? errno : 0;
      break;
    }
    const uint32_t bytes = got - abi::VNET_BYTES;
    storeRx(memory, target.descriptors + received * abi::RX_BYTES, data, bytes, target.port);
    cursor = data + bytes;
    received++;
  }
  memory.store<uint32_t>(target.cursor, cursor);
  return received == 0 ? -error : received;
}

uint32_t sendBurst(const Memory& memory, const Ports& ports, uint32_t first, uint32_t count) {
  uint32_t refused = 0;
  for (uint32_t i = 0; i < count; i++) {
    const size_t at = first + size_t{i} * abi::TX_BYTES;
    const auto port = memory.load<uint16_t>(at + number(abi::Tx::Port));
    const auto flags = memory.load<uint16_t>(at + number(abi::Tx::Flags));
    const Frame frame{memory.load<uint32_t>(at + number(abi::Tx::Data)),
                      memory.load<uint32_t>(at + number(abi::Tx::Length)),
                      (flags & number(abi::TxFlag::Offload)) != 0};
    const uint16_t marks = sendOrFlag(memory, ports.at(port), frame);
    if (marks == 0) continue;
    memory.store<uint16_t>(at + number(abi::Tx::Flags), flags | marks);
    refused++;
  }
  return refused;
}
