// A secret of up to 64 bytes in memory that is wiped after use, left out of core dumps (MADV_DONTDUMP) and empty in a
// forked child (MADV_WIPEONFORK, Linux 4.14): madvise(2). Nothing else of ours holds a traffic secret for longer than a
// call.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ktls {

class Secret {
 public:
  static constexpr size_t kMaxSize = 64;

  Secret() = default;
  ~Secret() { Wipe(); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  // Replaces what was held. False: too long, or no memory; nothing is held then.
  bool Set(const uint8_t* bytes, size_t size);
  void Wipe();

  bool is_set() const { return size_ > 0; }
  const uint8_t* data() const { return bytes_; }
  size_t size() const { return size_; }

 private:
  uint8_t* bytes_ = nullptr;  // a slot of the pool while something is held
  size_t size_ = 0;
};

}  // namespace ktls
