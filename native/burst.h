/** Frames out of the WASM memory, many a call, to whatever ports they are for. */
#pragma once

#include "abi.h"
#include "memory.h"
#include "ports.h"

#include <cstdint>

/** How often a full queue is asked again before a frame is refused. */
constexpr int FULL_QUEUE_TRIES = 4;

/** Most frames in one call of recvmmsg or sendmmsg. */
constexpr uint32_t CALL_FRAMES = 64;

/** The virtio header of a frame that asks for nothing. */
constexpr uint8_t NO_OFFLOAD[abi::VNET_BYTES] = {};

/**
 * Sends frames in the order of their descriptors, which are inside the memory. Marks the
 * ones that no device took `Refused` and returns how many those are.
 */
uint32_t sendBurst(const Memory& memory, const Ports& ports, uint32_t first, uint32_t count);
