/** Receive and send descriptors, and the virtio header before a frame. See assembly/abi.ts. */
#pragma once

#include "abi.h"
#include "memory.h"

#include <cstdint>

/** struct virtio_net_hdr, linux/virtio_net.h. */
namespace virtio {
constexpr uint8_t NEEDS_CSUM = 1; // flags: the checksum is partial
constexpr uint8_t DATA_VALID = 2; // flags: the checksum is good
constexpr uint8_t GSO_UDP_L4 = 5; // gso_type: UDP segmentation
} // namespace virtio

/** A frame to send. */
struct TxFrame {
  uint32_t data;
  uint32_t bytes;
  bool isOffload; // the virtio header before it counts

  /** Whether all that is to be read is inside the memory. */
  bool isInside(const Memory& memory) const {
    const uint32_t before = isOffload ? abi::VNET_BYTES : 0;
    if (data < before || bytes > abi::MAX_FRAME_BYTES) return false;
    return memory.holds(data, bytes);
  }
};

inline TxFrame loadTx(const Memory& memory, size_t at) {
  using abi::number;
  const auto flags = memory.load<uint16_t>(at + number(abi::Tx::Flags));
  return {memory.load<uint32_t>(at + number(abi::Tx::Data)),
          memory.load<uint32_t>(at + number(abi::Tx::Length)),
          (flags & number(abi::TxFlag::Offload)) != 0};
}

/** Why a frame was not sent. */
enum class Refusal {
  Refused, // this frame is not taken, or the queue stayed full
  Gone,    // the device is gone, or down
};

inline void markTx(const Memory& memory, size_t at, Refusal refusal) {
  using abi::number;
  uint16_t marks = number(abi::TxFlag::Refused);
  if (refusal == Refusal::Gone) marks |= number(abi::TxFlag::Gone);
  const size_t flags = at + number(abi::Tx::Flags);
  memory.store<uint16_t>(flags, memory.load<uint16_t>(flags) | marks);
}

/** RxFlags of a frame whose virtio header at `header` is the kernel's. */
inline uint16_t rxFlags(const uint8_t* header) {
  using abi::number;
  const uint8_t flags = header[number(abi::Vnet::Flags)];
  const bool isPartial = (flags & virtio::NEEDS_CSUM) != 0;
  const bool asks = isPartial || header[number(abi::Vnet::GsoType)] != 0;
  const bool isChecked = isPartial || (flags & virtio::DATA_VALID) != 0;
  return (asks ? number(abi::RxFlag::Offload) : 0) | (isChecked ? number(abi::RxFlag::Checked) : 0);
}
