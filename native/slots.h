/**
 * Frames of one burst, in the arena. Several can be received by one call, each into a slot
 * that takes a frame of any size; short ones are then moved together, so that the arena
 * holds many of them and the core finds them near each other.
 */
#pragma once

#include "abi.h"
#include "memory.h"
#include "port.h"

#include <cstdint>

class Slots {
 public:
  Slots(const Memory& memory, const RxTarget& target);

  /** How many slots are free, at most `most`, from where the next frame may start. */
  uint32_t free(uint32_t most) const;

  /** Where a frame in free slot `index` begins; the HEADROOM_BYTES before it are its own. */
  uint32_t data(uint32_t index) const { return first_ + index * STRIDE_BYTES; }

  /**
   * Makes a descriptor for a frame that begins at `data`, somewhere in a slot behind those
   * kept before, and ends in it. It may move, with the virtio header before it.
   */
  void keep(uint32_t data, uint32_t bytes, uint16_t flags);

  /** The free slots begin behind what has been kept; those handed out are no more. */
  void renew();

  uint32_t kept() const { return kept_; }

  /** Writes the cursor. */
  void finish() const;

 private:
  /** An odd number of cache lines: neighbours do not compete for one place in the cache. */
  static constexpr uint32_t STRIDE_BYTES =
      (abi::HEADROOM_BYTES + abi::MAX_FRAME_BYTES + abi::SLOT_ALIGN_BYTES - 1) /
      abi::SLOT_ALIGN_BYTES * abi::SLOT_ALIGN_BYTES;

  const Memory& memory_;
  const RxTarget& target_;
  uint64_t cursor_;
  uint64_t first_; // data of the first free slot
  uint32_t kept_ = 0;
};
