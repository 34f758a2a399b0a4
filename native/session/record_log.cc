#include "record_log.h"

#include <algorithm>
#include <cstring>

#include "../kernel/big_endian.h"
#include "../kernel/tls_record.h"

namespace ktls {

namespace {
constexpr size_t kLongestPrefix = kRecordHeaderSize + kExplicitNonceSize;
}  // namespace

void RecordLog::Append(const uint8_t* bytes, size_t size) {
  while (size > 0) {
    const size_t wanted = position_ < kRecordHeaderSize ? kRecordHeaderSize : size_;
    const size_t taken = std::min(size, wanted - position_);
    // Of a record that is too long to be kept only the explicit nonce is wanted; copying more would slow every write.
    const size_t kept = position_ >= kRecordHeaderSize && size_ > kKeptBytes ? kLongestPrefix : kKeptBytes;
    if (position_ < kept) memcpy(bytes_.data() + position_, bytes, std::min(taken, kept - position_));
    position_ += taken;
    bytes += taken;
    size -= taken;
    if (position_ == kRecordHeaderSize && wanted == kRecordHeaderSize) {
      size_ = RecordSize(bytes_.data());
    }
    if (position_ >= kRecordHeaderSize && position_ == size_) position_ = 0;
  }
}

bool RecordLog::LastExplicitNonce(uint64_t* nonce) const {
  if (!at_record_border() || size_ < kRecordHeaderSize + kExplicitNonceSize) return false;
  *nonce = LoadBigEndian64(bytes_.data() + kRecordHeaderSize);
  return true;
}

}  // namespace ktls
