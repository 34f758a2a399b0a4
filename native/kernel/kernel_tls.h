// The kernel's TLS interface: tls(7) does not exist, so the source is Documentation/networking/tls.rst and
// include/uapi/linux/tls.h. Nothing here knows OpenSSL or Node.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "tls_record.h"

namespace ktls {

enum class TlsVersion : uint16_t { kTls12 = 0x0303, kTls13 = 0x0304 };

// The values of TLS_CIPHER_* in linux/tls.h.
enum class Cipher : uint16_t { kAes128Gcm = 51, kAes256Gcm = 52, kChaCha20Poly1305 = 54 };

size_t KeySize(Cipher cipher);

// What one record adds to its plaintext on the wire: header 5, tag 16, and in TLS 1.3 the content type (1), in TLS 1.2
// AES-GCM the explicit nonce (8).
size_t RecordOverhead(TlsVersion version, Cipher cipher);

// One direction's keys. Wiped when destroyed; never copied.
struct TransmitKeys {
  TransmitKeys() = default;
  TransmitKeys(const TransmitKeys&) = delete;
  TransmitKeys& operator=(const TransmitKeys&) = delete;
  ~TransmitKeys();

  TlsVersion version = TlsVersion::kTls13;
  Cipher cipher = Cipher::kAes128Gcm;
  std::array<uint8_t, 32> key{};
  std::array<uint8_t, 12> iv{};  // TLS 1.2 AES-GCM: 4 bytes of salt, then the next record's explicit nonce
  uint64_t record_sequence = 0;  // of the next record
};

// setsockopt(TCP_ULP, "tls"). 0, or -errno: -ENOENT where the module is not loaded, -ENOTCONN unless ESTABLISHED.
int AttachUlp(int socket_fd);

// setsockopt(SOL_TLS, TLS_TX). 0 or -errno. On an already keyed socket this is a rekey (Linux 6.14; -EBUSY before).
int SetTransmitKeys(int socket_fd, const TransmitKeys& keys);

// The sequence number of the next record, from getsockopt(TLS_TX). 0 or -errno. The key that the kernel hands back with
// it is wiped before this returns.
int ReadRecordSequence(int socket_fd, TlsVersion version, Cipher cipher, uint64_t* record_sequence);

// Bytes that TCP has accepted since the connection began: tcpi_bytes_acked + SIOCOUTQ, exactly as of one moment. *state
// is tcpi_state. 0 or -errno; -EBUSY where acknowledgements kept arriving between the reads.
int ReadBytesAccepted(int socket_fd, uint64_t* bytes_accepted, uint8_t* state);

// The same in two system calls instead of three: never too large, but too small where an acknowledgement arrives
// between the two. Good for asking whether a mark is reached, not for setting one.
int ReadBytesAcceptedAtLeast(int socket_fd, uint64_t* bytes_accepted, uint8_t* state);

// Sends one whole record of the given content type (cmsg TLS_SET_RECORD_TYPE), never blocking and never raising
// SIGPIPE: `size`, or -errno (-EAGAIN: nothing was taken).
ssize_t SendControlRecord(int socket_fd, uint8_t content_type, const uint8_t* bytes, size_t size);

}  // namespace ktls
