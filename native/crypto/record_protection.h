// Opens a record that was sent: the proof that key, iv and sequence number are the right ones.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../kernel/kernel_tls.h"

namespace ktls {

// Whether `record` (header included, as it went out on the wire) authenticates under `keys` as record number
// `sequence`. The plaintext is discarded. RFC 8446, 5.2 and 5.3; RFC 5246, 6.2.3.3; RFC 5288; RFC 7905.
bool RecordOpensWith(const TransmitKeys& keys, uint64_t sequence, const uint8_t* record, size_t size);

}  // namespace ktls
