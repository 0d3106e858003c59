/**
 * The WASM memory that `attach` lent. Addresses in it come from outside: whoever uses one
 * asks `holds` first.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

struct Memory {
  uint8_t* base = nullptr;
  size_t bytes = 0;

  bool holds(uint64_t address, uint64_t length) const { return address + length <= bytes; }

  /** A little-endian number at any alignment, inside the memory. */
  template <class Number> Number load(size_t address) const {
    Number value;
    std::memcpy(&value, base + address, sizeof value);
    return value;
  }

  template <class Number> void store(size_t address, Number value) const {
    std::memcpy(base + address, &value, sizeof value);
  }
};
