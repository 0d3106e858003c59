/**
 * Frames between devices and the WASM memory, many a call. Layouts: assembly/abi.ts.
 *
 * A plain read and write for each frame: io_uring, packet rings and AF_XDP gained nothing
 * over it on a TAP.
 */
#pragma once

#include "memory.h"
#include "ports.h"

#include <cstdint>

/** Where received frames go. Ranges are inside the memory. */
struct RxTarget {
  uint32_t port;
  uint32_t descriptors; // address of the first receive descriptor
  uint32_t count;       // of descriptors
  uint32_t cursor;      // address of a u32: where in the arena the next frame may start
  uint32_t arenaEnd;
};

/**
 * Reads frames until the device has no more, or descriptors or arena are used up. Returns
 * how many, or a negative errno if there is none because the device failed.
 *
 * On Linux 6.18 a TAP that is set down reads as empty and works again when it is set up
 * (writes meanwhile: EIO); one that was deleted, alone or with its namespace, gives
 * EBADFD from then on, and epoll reports it each time until it is removed.
 */
int32_t receiveBurst(const Memory& memory, int fd, const RxTarget& target);

/**
 * Sends frames in the order of their descriptors, which are inside the memory. Marks the
 * ones that no device took `Refused` and returns how many those are.
 */
uint32_t sendBurst(const Memory& memory, const Ports& ports, uint32_t first, uint32_t count);
