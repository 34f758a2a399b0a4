// How a session's write key changes. RFC 8446, 4.6.3: when the peer asks for it, before the next application data; 5.5:
// before AES-GCM has protected 2^24.5 records.
#pragma once

#include <cstdint>
#include <memory>

#include "../crypto/key_source.h"

namespace ktls {

struct KeyChange {
  static constexpr uint64_t kRecordsPerKey = 1 << 24;  // 2^0.5 below the limit: what is under way still fits

  std::unique_ptr<KeySource> source;          // none: TLS 1.2, or a kernel that takes no new keys for a keyed socket
  uint64_t records_per_key = kRecordsPerKey;  // a change is due after so many
};

}  // namespace ktls
