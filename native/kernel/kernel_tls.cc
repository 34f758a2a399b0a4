#include "kernel_tls.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>

#include <algorithm>
#include <cerrno>

#include "big_endian.h"
#include "system_calls.h"

// Kernel interface constants that older C library or kernel headers lack (TCP_ULP: Linux 4.13, SOL_TLS: glibc 2.27).
#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef TLS_TX
#define TLS_TX 1
#endif
#ifndef TLS_SET_RECORD_TYPE
#define TLS_SET_RECORD_TYPE 1
#endif

namespace ktls {

namespace {

constexpr size_t kCryptoInfoHeaderSize = 4;  // struct tls_crypto_info: version, cipher_type
constexpr size_t kRecordSequenceSize = 8;
constexpr size_t kMaxCryptoInfoSize = 56;

constexpr int kMaxReadAttempts = 16;  // of two numbers that must belong to one moment

// The tail of struct tls12_crypto_info_*: iv, key, salt, rec_seq, in this order and unpadded. Written here byte by byte
// because linux/tls.h has ChaCha20-Poly1305 only since Linux 5.11.
struct CryptoInfoLayout {
  size_t iv_size;
  size_t key_size;
  size_t salt_size;

  constexpr size_t size() const { return kCryptoInfoHeaderSize + iv_size + key_size + salt_size + kRecordSequenceSize; }
};

constexpr CryptoInfoLayout LayoutOf(Cipher cipher) {
  switch (cipher) {
    case Cipher::kAes128Gcm:
      return {8, 16, 4};
    case Cipher::kAes256Gcm:
      return {8, 32, 4};
    case Cipher::kChaCha20Poly1305:
      return {12, 32, 0};
  }
  return {0, 0, 0};
}

static_assert(LayoutOf(Cipher::kAes128Gcm).size() == 40);
static_assert(LayoutOf(Cipher::kAes256Gcm).size() == kMaxCryptoInfoSize);
static_assert(LayoutOf(Cipher::kChaCha20Poly1305).size() == kMaxCryptoInfoSize);

// A struct tls12_crypto_info_*: holds a key, so it wipes itself.
struct CryptoInfo {
  CryptoInfo() = default;
  CryptoInfo(const CryptoInfo&) = delete;
  CryptoInfo& operator=(const CryptoInfo&) = delete;
  ~CryptoInfo() { ::explicit_bzero(bytes.data(), bytes.size()); }

  std::array<uint8_t, kMaxCryptoInfoSize> bytes{};
};

int ReadTcpInfo(int socket_fd, tcp_info* info) {
  socklen_t size = sizeof(*info);
  return system_calls.getsockopt(socket_fd, IPPROTO_TCP, TCP_INFO, info, &size) < 0 ? -errno : 0;
}

int ErrnoOr(int result) { return result < 0 ? -errno : 0; }

}  // namespace

size_t KeySize(Cipher cipher) { return LayoutOf(cipher).key_size; }

size_t RecordOverhead(TlsVersion version, Cipher cipher) {
  constexpr size_t common = kRecordHeaderSize + kTagSize;
  if (version == TlsVersion::kTls13) return common + kInnerTypeSize;
  return cipher == Cipher::kChaCha20Poly1305 ? common : common + kExplicitNonceSize;
}

TransmitKeys::~TransmitKeys() {
  ::explicit_bzero(key.data(), key.size());
  ::explicit_bzero(iv.data(), iv.size());
}

int AttachUlp(int socket_fd) {
  static constexpr char kName[] = {'t', 'l', 's'};  // the kernel does not ask for a terminating zero
  return ErrnoOr(system_calls.setsockopt(socket_fd, IPPROTO_TCP, TCP_ULP, kName, sizeof(kName)));
}

int SetTransmitKeys(int socket_fd, const TransmitKeys& keys) {
  const CryptoInfoLayout layout = LayoutOf(keys.cipher);
  const auto version = static_cast<uint16_t>(keys.version);
  const auto cipher = static_cast<uint16_t>(keys.cipher);

  CryptoInfo info;
  uint8_t* cursor = info.bytes.data();
  ::memcpy(cursor, &version, sizeof(version));
  ::memcpy(cursor + sizeof(version), &cipher, sizeof(cipher));
  cursor += kCryptoInfoHeaderSize;
  // Of the 12 bytes of an AES-GCM nonce the kernel calls the first four "salt" and the other eight "iv".
  cursor = std::copy_n(keys.iv.data() + layout.salt_size, layout.iv_size, cursor);
  cursor = std::copy_n(keys.key.data(), layout.key_size, cursor);
  cursor = std::copy_n(keys.iv.data(), layout.salt_size, cursor);
  StoreBigEndian64(keys.record_sequence, cursor);

  return ErrnoOr(
      system_calls.setsockopt(socket_fd, SOL_TLS, TLS_TX, info.bytes.data(), static_cast<socklen_t>(layout.size())));
}

int ReadRecordSequence(int socket_fd, TlsVersion version, Cipher cipher, uint64_t* record_sequence) {
  const CryptoInfoLayout layout = LayoutOf(cipher);
  auto size = static_cast<socklen_t>(layout.size());

  CryptoInfo info;
  if (system_calls.getsockopt(socket_fd, SOL_TLS, TLS_TX, info.bytes.data(), &size) < 0) return -errno;

  uint16_t found[2];
  ::memcpy(found, info.bytes.data(), sizeof(found));
  if (size != layout.size() || found[0] != static_cast<uint16_t>(version) ||
      found[1] != static_cast<uint16_t>(cipher)) {
    return -EPROTO;  // somebody else keyed this socket
  }
  *record_sequence = LoadBigEndian64(info.bytes.data() + layout.size() - kRecordSequenceSize);
  return 0;
}

int ReadBytesAccepted(int socket_fd, uint64_t* bytes_accepted, uint8_t* state) {
  tcp_info before{};
  if (const int error = ReadTcpInfo(socket_fd, &before)) return error;
  for (int attempt = 0; attempt < kMaxReadAttempts; ++attempt) {
    int queued = 0;
    if (system_calls.bytes_in_send_queue(socket_fd, &queued) < 0) return -errno;
    tcp_info after{};
    if (const int error = ReadTcpInfo(socket_fd, &after)) return error;
    if (before.tcpi_bytes_acked == after.tcpi_bytes_acked) {
      *bytes_accepted = after.tcpi_bytes_acked + static_cast<uint64_t>(queued);
      *state = after.tcpi_state;
      return 0;
    }
    before = after;
  }
  return -EBUSY;
}

int ReadBytesAcceptedAtLeast(int socket_fd, uint64_t* bytes_accepted, uint8_t* state) {
  tcp_info info{};
  if (const int error = ReadTcpInfo(socket_fd, &info)) return error;
  int queued = 0;
  if (system_calls.bytes_in_send_queue(socket_fd, &queued) < 0) return -errno;
  *bytes_accepted = info.tcpi_bytes_acked + static_cast<uint64_t>(queued);
  *state = info.tcpi_state;
  return 0;
}

ssize_t SendControlRecord(int socket_fd, uint8_t content_type, const uint8_t* bytes, size_t size) {
  iovec payload{const_cast<uint8_t*>(bytes), size};
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(content_type))> control{};

  msghdr message{};
  message.msg_iov = &payload;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();

  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_TLS;
  header->cmsg_type = TLS_SET_RECORD_TYPE;
  header->cmsg_len = CMSG_LEN(sizeof(content_type));
  ::memcpy(CMSG_DATA(header), &content_type, sizeof(content_type));

  const ssize_t taken = system_calls.sendmsg(socket_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return taken < 0 ? -errno : taken;
}

}  // namespace ktls
