// Numbers as they are on the wire.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ktls {

inline uint16_t LoadBigEndian16(const uint8_t* bytes) { return static_cast<uint16_t>(bytes[0] << 8 | bytes[1]); }

inline uint64_t LoadBigEndian64(const uint8_t* bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(value); ++i) value = value << 8 | bytes[i];
  return value;
}

inline void StoreBigEndian16(uint16_t value, uint8_t* bytes) {
  bytes[0] = static_cast<uint8_t>(value >> 8);
  bytes[1] = static_cast<uint8_t>(value & 0xff);
}

inline void StoreBigEndian64(uint64_t value, uint8_t* bytes) {
  for (size_t i = sizeof(value); i-- > 0; value >>= 8) bytes[i] = static_cast<uint8_t>(value & 0xff);
}

}  // namespace ktls
