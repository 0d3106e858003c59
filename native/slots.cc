#include "slots.h"

#include <algorithm>
#include <cstring>

namespace {

using abi::number;

/** Copying so much costs less than a system call. */
constexpr uint32_t MOVED_BYTES = 4096;

uint64_t alignSlot(uint64_t address) {
  constexpr uint64_t MASK = abi::SLOT_ALIGN_BYTES - 1;
  return (address + MASK) & ~MASK;
}

} // namespace

Slots::Slots(const Memory& memory, const RxTarget& target)
    : memory_(memory), target_(target), cursor_(memory.load<uint32_t>(target.cursor)) {
  renew();
}

void Slots::renew() {
  first_ = alignSlot(cursor_) + abi::HEADROOM_BYTES;
}

uint32_t Slots::free(uint32_t most) const {
  if (first_ + abi::MAX_FRAME_BYTES > target_.arenaEnd) return 0;
  const uint64_t slots = 1 + (target_.arenaEnd - first_ - abi::MAX_FRAME_BYTES) / STRIDE_BYTES;
  return std::min({slots, uint64_t{most}, uint64_t{target_.count - kept_}});
}

void Slots::keep(uint32_t data, uint32_t bytes, uint16_t flags) {
  const uint32_t place = alignSlot(cursor_) + abi::HEADROOM_BYTES;
  const bool lacksHeadroom = data < place;
  if (lacksHeadroom || (place < data && bytes <= MOVED_BYTES)) {
    uint8_t* const base = memory_.base - abi::VNET_BYTES;
    std::memmove(base + place, base + data, abi::VNET_BYTES + bytes);
    data = place;
  }
  const size_t at = target_.descriptors + size_t{kept_} * abi::RX_BYTES;
  memory_.store<uint32_t>(at + number(abi::Rx::Data), data);
  memory_.store<uint32_t>(at + number(abi::Rx::Length), bytes);
  memory_.store<uint16_t>(at + number(abi::Rx::Port), target_.port);
  memory_.store<uint16_t>(at + number(abi::Rx::Flags), flags);
  memory_.store<uint32_t>(at + number(abi::Rx::Original), 0);
  cursor_ = uint64_t{data} + bytes;
  kept_++;
}

void Slots::finish() const {
  memory_.store<uint32_t>(target_.cursor, cursor_);
}
