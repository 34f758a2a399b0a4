// Reads the ciphertext that OpenSSL writes, record by record, and keeps the last one: the material of the proof, and
// the explicit nonce that the kernel has to count on from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ktls {

class RecordLog {
 public:
  // A response head or a session ticket fits; longer records are not kept, to bound the memory of each connection.
  static constexpr size_t kKeptBytes = 2048;

  void Append(const uint8_t* bytes, size_t size);

  bool at_record_border() const { return position_ == 0; }
  // The last whole record is kept in full.
  bool has_last_record() const { return at_record_border() && size_ > 0 && size_ <= kKeptBytes; }
  const uint8_t* last_record() const { return bytes_.data(); }
  size_t last_record_size() const { return size_; }
  // The first 8 bytes after the last record's header, big-endian. False: no record that long was written.
  bool LastExplicitNonce(uint64_t* nonce) const;

 private:
  std::array<uint8_t, kKeptBytes> bytes_{};
  size_t position_ = 0;  // within the record that is being written; 0: at a border
  size_t size_ = 0;      // of the record that was begun last, header included
};

}  // namespace ktls
