/**
 * The contract of assembly/abi.ts, read by the compiler from that very file: it holds
 * only numbers and enums, so three words stand between it and C++.
 *
 *   export const NAME = 1;      →  ; constexpr auto NAME = 1;
 *   export enum Name { A = 0 }  →  ; enum class Name { A = 0 }
 */
#pragma once

#include <cstdint>

namespace abi {

#define export ;
#define const constexpr auto
#define enum enum class
#include "../assembly/abi.ts"
#undef enum
#undef const
#undef export
; // ends the last one

/** The number behind an enum's name: a field's offset or a flag. */
template <class Enum> constexpr uint32_t number(Enum name) {
  return static_cast<uint32_t>(name);
}

} // namespace abi
