// A TLS record on the wire: its parts, and what may be in it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "big_endian.h"

namespace ktls {

// RFC 8446, 5.1
constexpr uint8_t kRecordTypeChangeCipherSpec = 20;
constexpr uint8_t kRecordTypeAlert = 21;
constexpr uint8_t kRecordTypeHandshake = 22;
constexpr uint8_t kRecordTypeApplicationData = 23;

constexpr uint8_t kAlertLevelFatal = 2;  // RFC 8446, 6

// RFC 8446, 4: the first byte of a handshake message
constexpr uint8_t kHandshakeServerHello = 2;
constexpr uint8_t kHandshakeKeyUpdate = 24;

constexpr size_t kMaxRecordBytes = 16384;  // of plaintext: 2^14, RFC 8446, 5.1
constexpr size_t kRecordHeaderSize = 5;    // type, legacy version, length: RFC 8446, 5.1
constexpr size_t kExplicitNonceSize = 8;   // of TLS 1.2 AES-GCM: RFC 5288, 3
constexpr size_t kInnerTypeSize = 1;       // of TLS 1.3, the real content type, encrypted: RFC 8446, 5.2
constexpr size_t kTagSize = 16;            // the same for the three ciphers: RFC 5116, 5; RFC 8439, 2.8

// Of the record that begins with this header, the header included.
inline size_t RecordSize(const uint8_t* header) { return kRecordHeaderSize + LoadBigEndian16(header + 3); }

}  // namespace ktls
