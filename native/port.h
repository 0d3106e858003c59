/** What a port index means: something that bursts of frames come from and go to. */
#pragma once

#include "memory.h"

#include <cstdint>
#include <vector>

class Poll;

/** Where received frames go. Ranges are inside the memory. */
struct RxTarget {
  uint32_t port;
  uint32_t descriptors; // address of the first receive descriptor
  uint32_t count;       // of descriptors
  uint32_t cursor;      // address of a u32: where in the arena the next frame may start
  uint32_t arenaEnd;
};

/** Send descriptors one behind the other, all for one port. They are inside the memory. */
struct TxRun {
  uint32_t first; // address
  uint32_t count;
};

class Port {
 public:
  virtual ~Port() = default;

  /** What is to be watched for frames; each is known by its place in the list. */
  virtual std::vector<int> inputs() const = 0;

  /** Is watched by `poll` from now on, as `index`. */
  virtual void joined(Poll& poll, uint16_t index) { (void)poll, (void)index; }

  /** Input `input` has something, or an error. Says which ones `receive` has to read. */
  virtual void markReady(uint32_t input, bool hasError) { (void)input, (void)hasError; }

  /**
   * Reads frames until there are no more, or descriptors or arena are used up. Returns how
   * many, or a negative errno if there is none because the device is gone.
   */
  virtual int32_t receive(const Memory& memory, const RxTarget& target) = 0;

  /** Sends in order. Marks what nobody took `Refused`, and returns how many those are. */
  virtual uint32_t send(const Memory& memory, const TxRun& run) = 0;
};
