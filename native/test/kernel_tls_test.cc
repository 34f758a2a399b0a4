// What is said to the kernel, byte by byte, as linux/tls.h has it.
#include "../kernel/kernel_tls.h"

#include <linux/tls.h>
#include <netinet/in.h>
#include <string.h>

#include <new>

#include "fixtures.h"
#include "hooks.h"
#include "test.h"

namespace ktls::test {
namespace {

constexpr int kSolTls = 282;

std::unique_ptr<TransmitKeys> MakeKeys(TlsVersion version, Cipher cipher) {
  auto keys = std::make_unique<TransmitKeys>();
  keys->version = version;
  keys->cipher = cipher;
  for (size_t i = 0; i < keys->key.size(); ++i) keys->key[i] = static_cast<uint8_t>(0x40 + i);
  for (size_t i = 0; i < keys->iv.size(); ++i) keys->iv[i] = static_cast<uint8_t>(0x80 + i);
  keys->record_sequence = 0x0102030405060708;
  return keys;
}

// The bytes that SetTransmitKeys hands over.
Bytes Capture(const TransmitKeys& keys) {
  const Connection connection = ConnectPair();
  Bytes captured;
  FdHooks calls;
  calls.setsockopt = [&](int, int level, int name, const void* value, socklen_t size) {
    EXPECT_EQ(level, kSolTls);
    EXPECT_EQ(name, TLS_TX);
    const auto* bytes = static_cast<const uint8_t*>(value);
    captured.assign(bytes, bytes + size);
    return 0;
  };
  const ScopedFdHooks hooks(connection.near.get(), calls);
  EXPECT_EQ(SetTransmitKeys(connection.near.get(), keys), 0);
  return captured;
}

template <typename Info>
void ExpectCryptoInfo(TlsVersion version, Cipher cipher, uint16_t version_number, uint16_t cipher_number) {
  const auto keys = MakeKeys(version, cipher);
  Info info{};
  info.info.version = version_number;
  info.info.cipher_type = cipher_number;
  memcpy(info.key, keys->key.data(), sizeof(info.key));
  memcpy(info.salt, keys->iv.data(), sizeof(info.salt));
  memcpy(info.iv, keys->iv.data() + sizeof(info.salt), sizeof(info.iv));
  for (size_t i = 0; i < sizeof(info.rec_seq); ++i) info.rec_seq[i] = static_cast<unsigned char>(i + 1);
  const auto* bytes = reinterpret_cast<const uint8_t*>(&info);
  EXPECT(Capture(*keys) == Bytes(bytes, bytes + sizeof(info)));
  EXPECT_EQ(KeySize(cipher), sizeof(info.key));
}

TEST(CryptoInfo, "kernel: keys are laid out as in linux/tls.h") {
  using V = TlsVersion;
  using C = Cipher;
  ExpectCryptoInfo<tls12_crypto_info_aes_gcm_128>(V::kTls12, C::kAes128Gcm, TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128);
  ExpectCryptoInfo<tls12_crypto_info_aes_gcm_128>(V::kTls13, C::kAes128Gcm, TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128);
  ExpectCryptoInfo<tls12_crypto_info_aes_gcm_256>(V::kTls12, C::kAes256Gcm, TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_256);
  ExpectCryptoInfo<tls12_crypto_info_aes_gcm_256>(V::kTls13, C::kAes256Gcm, TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_256);
#ifdef TLS_CIPHER_CHACHA20_POLY1305
  ExpectCryptoInfo<tls12_crypto_info_chacha20_poly1305>(V::kTls13, C::kChaCha20Poly1305, TLS_1_3_VERSION,
                                                        TLS_CIPHER_CHACHA20_POLY1305);
#endif
}

TEST(RecordSequence, "kernel: the record sequence number is read from the keys, and only from ours") {
  const auto keys = MakeKeys(TlsVersion::kTls13, Cipher::kAes256Gcm);
  const Bytes info = Capture(*keys);
  const Connection connection = ConnectPair();
  int error = 0;
  FdHooks calls;
  calls.getsockopt = [&](int, int level, int name, void* value, socklen_t* size) {
    EXPECT_EQ(level, kSolTls);
    EXPECT_EQ(name, TLS_TX);
    if (error) return FailWith(error);
    if (*size != info.size()) return FailWith(EINVAL);  // as the kernel does
    memcpy(value, info.data(), info.size());
    return 0;
  };
  const ScopedFdHooks hooks(connection.near.get(), calls);
  const int fd = connection.near.get();
  uint64_t sequence = 0;
  EXPECT_EQ(ReadRecordSequence(fd, TlsVersion::kTls13, Cipher::kAes256Gcm, &sequence), 0);
  EXPECT_EQ(sequence, uint64_t{0x0102030405060708});
  EXPECT_EQ(ReadRecordSequence(fd, TlsVersion::kTls12, Cipher::kAes256Gcm, &sequence), -EPROTO);
  EXPECT_EQ(ReadRecordSequence(fd, TlsVersion::kTls13, Cipher::kChaCha20Poly1305, &sequence), -EPROTO);
  EXPECT_EQ(ReadRecordSequence(fd, TlsVersion::kTls13, Cipher::kAes128Gcm, &sequence), -EINVAL);
  error = EBUSY;
  EXPECT_EQ(ReadRecordSequence(fd, TlsVersion::kTls13, Cipher::kAes256Gcm, &sequence), -EBUSY);
}

TEST(KeysAreWiped, "kernel: keys are gone when their holder is destroyed") {
  alignas(TransmitKeys) static uint8_t memory[sizeof(TransmitKeys)];
  auto* keys = new (memory) TransmitKeys;  // placement: the memory outlives it
  keys->key.fill(0xaa);
  keys->iv.fill(0xbb);
  const auto contains = [](uint8_t wanted) {
    const volatile uint8_t* bytes = memory;
    for (size_t i = 0; i < sizeof(memory); ++i) {
      if (bytes[i] == wanted) return true;
    }
    return false;
  };
  EXPECT(contains(0xaa) && contains(0xbb));
  keys->~TransmitKeys();
  EXPECT(!contains(0xaa) && !contains(0xbb));
}

TEST(Ulp, "kernel: the ULP is asked for by name, and a refusal is handed on") {
  const Connection connection = ConnectPair();
  FdHooks calls;
  calls.setsockopt = [](int, int level, int name, const void* value, socklen_t size) {
    EXPECT_EQ(level, int{IPPROTO_TCP});
    EXPECT_EQ(name, 31);
    EXPECT_EQ(std::string(static_cast<const char*>(value), size), std::string("tls"));
    return FailWith(ENOENT);
  };
  const ScopedFdHooks hooks(connection.near.get(), calls);
  EXPECT_EQ(AttachUlp(connection.near.get()), -ENOENT);
}

TEST(ControlMessage, "kernel: a control record carries its content type in a control message") {
  const Connection connection = ConnectPair();
  const Bytes alert = {2, 40};
  FdHooks calls;
  calls.sendmsg = [&](int, const msghdr* message, int flags) -> ssize_t {
    EXPECT_EQ(flags, int{MSG_DONTWAIT | MSG_NOSIGNAL});
    const cmsghdr* header = CMSG_FIRSTHDR(message);
    if (!EXPECT(header != nullptr)) return FailWith(EINVAL);
    EXPECT_EQ(header->cmsg_level, kSolTls);
    EXPECT_EQ(header->cmsg_type, TLS_SET_RECORD_TYPE);
    EXPECT_EQ(size_t{header->cmsg_len}, size_t{CMSG_LEN(1)});
    EXPECT_EQ(*CMSG_DATA(header), kRecordTypeAlert);
    EXPECT_EQ(message->msg_iovlen, size_t{1});
    const auto* bytes = static_cast<const uint8_t*>(message->msg_iov[0].iov_base);
    EXPECT(Bytes(bytes, bytes + message->msg_iov[0].iov_len) == alert);
    return static_cast<ssize_t>(alert.size());
  };
  const ScopedFdHooks hooks(connection.near.get(), calls);
  EXPECT_EQ(SendControlRecord(connection.near.get(), kRecordTypeAlert, alert.data(), alert.size()), ssize_t{2});
}

TEST(Overheads, "kernel: what a record adds on the wire") {
  EXPECT_EQ(RecordOverhead(TlsVersion::kTls13, Cipher::kAes128Gcm), size_t{22});
  EXPECT_EQ(RecordOverhead(TlsVersion::kTls13, Cipher::kChaCha20Poly1305), size_t{22});
  EXPECT_EQ(RecordOverhead(TlsVersion::kTls12, Cipher::kAes256Gcm), size_t{29});
  EXPECT_EQ(RecordOverhead(TlsVersion::kTls12, Cipher::kChaCha20Poly1305), size_t{21});
}

}  // namespace
}  // namespace ktls::test
