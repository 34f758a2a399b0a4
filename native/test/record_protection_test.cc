// Records that real implementations sent open with what is derived from their secrets, and with nothing else.
#include "../crypto/record_protection.h"

#include <algorithm>
#include <cstring>

#include "../crypto/key_schedule.h"
#include "test.h"
#include "vectors.h"
#include "vectors_tls12.h"
#include "vectors_tls13.h"

namespace ktls::test {
namespace {

bool Opens(const TransmitKeys& keys, uint64_t sequence, const Bytes& record) {
  return RecordOpensWith(keys, sequence, record.data(), record.size());
}

void Copy(const TransmitKeys& from, TransmitKeys* to) {
  to->version = from.version;
  to->cipher = from.cipher;
  to->key = from.key;
  to->iv = from.iv;
}

// Every single bit matters, and so does every byte's being there.
void ExpectNothingElseOpens(const TransmitKeys& keys, uint64_t sequence, const Bytes& record) {
  for (const uint64_t wrong : {sequence + 1, sequence - 1, sequence ^ uint64_t{1} << 32, ~sequence}) {
    EXPECT(!Opens(keys, wrong, record));
  }
  for (size_t bit = 0; bit < 8 * KeySize(keys.cipher); ++bit) {
    TransmitKeys other;
    Copy(keys, &other);
    other.key[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT(!Opens(other, sequence, record));
  }
  // Of TLS 1.2's AES-GCM only the salt is derived; the rest of the nonce is read from the record.
  const bool explicit_nonce = keys.version == TlsVersion::kTls12 && keys.cipher != Cipher::kChaCha20Poly1305;
  for (size_t i = 0; i < (explicit_nonce ? 4 : keys.iv.size()); ++i) {
    TransmitKeys other;
    Copy(keys, &other);
    other.iv[i] ^= 0x10;
    EXPECT(!Opens(other, sequence, record));
  }
  // TLS 1.2 authenticates the plaintext's length, not the length field.
  for (size_t i = 0; i < record.size(); ++i) {
    if (keys.version == TlsVersion::kTls12 && (i == 3 || i == 4)) continue;
    Bytes other = record;
    other[i] ^= 0x01;
    EXPECT(!Opens(keys, sequence, other));
  }
  for (size_t size = 0; size < record.size(); ++size) {
    // In memory of its own, so that a sanitizer sees a byte read behind it.
    const Bytes truncated(record.begin(), record.begin() + static_cast<ptrdiff_t>(size));
    EXPECT(!Opens(keys, sequence, truncated));
  }
  Bytes longer = record;
  longer.push_back(0);
  EXPECT(!Opens(keys, sequence, longer));
}

TEST(Tls13Vectors,
     "record protection: TLS 1.3 records of RFC 8448 and of OpenSSL open under their sequence number only") {
  REQUIRE_LIBCRYPTO();
  size_t opened = 0;
  for (const Tls13Direction& direction : kTls13Directions) {
    TransmitKeys keys;
    keys.version = TlsVersion::kTls13;
    keys.cipher = direction.cipher;
    const Bytes secret = Unhex(direction.traffic_secret);
    REQUIRE(DeriveTls13Keys(direction.digest, secret.data(), secret.size(), &keys));
    for (size_t i = 0; i < direction.record_count; ++i) {
      const Bytes record = Unhex(direction.records[i]);
      const uint64_t sequence = direction.first_sequence + i;
      if (!Opens(keys, sequence, record)) {
        Fail(__FILE__, __LINE__,
             std::string(direction.name) + ": record " + std::to_string(sequence) + " does not open");
        continue;
      }
      opened++;
      ExpectNothingElseOpens(keys, sequence, record);
    }
  }
  EXPECT_EQ(opened, size_t{16});
}

TEST(Tls13OtherDirection, "record protection: the peer's secret opens none of our records") {
  REQUIRE_LIBCRYPTO();
  const Tls13Direction& server = kTls13Directions[1];
  const Tls13Direction& client = kTls13Directions[2];
  TransmitKeys keys;
  keys.version = TlsVersion::kTls13;
  keys.cipher = client.cipher;
  const Bytes secret = Unhex(client.traffic_secret);
  REQUIRE(DeriveTls13Keys(client.digest, secret.data(), secret.size(), &keys));
  for (size_t i = 0; i < server.record_count; ++i) EXPECT(!Opens(keys, i, Unhex(server.records[i])));
}

TEST(Tls12Vectors, "record protection: TLS 1.2 records of OpenSSL open under their sequence number only") {
  REQUIRE_LIBCRYPTO();
  size_t opened = 0;
  for (const Tls12Session& session : kTls12Sessions) {
    const Bytes master_secret = Unhex(session.master_secret);
    const Bytes client_random = Unhex(session.client_random);
    const Bytes server_random = Unhex(session.server_random);
    for (const bool for_server : {true, false}) {
      TransmitKeys keys;
      keys.version = TlsVersion::kTls12;
      keys.cipher = session.cipher;
      REQUIRE(DeriveTls12Keys(session.digest, {master_secret.data(), client_random.data(), server_random.data()},
                              for_server, &keys));
      const auto& records = for_server ? session.server_records : session.client_records;
      const auto& peers = for_server ? session.client_records : session.server_records;
      for (uint64_t sequence = 0; sequence < 3; ++sequence) {
        const Bytes record = Unhex(records[sequence]);
        if (!Opens(keys, sequence, record)) {
          Fail(__FILE__, __LINE__,
               std::string(session.suite) + (for_server ? ", server" : ", client") + ": record " +
                   std::to_string(sequence) + " does not open");
          continue;
        }
        opened++;
        ExpectNothingElseOpens(keys, sequence, record);
        EXPECT(!Opens(keys, sequence, Unhex(peers[sequence])));
      }
    }
  }
  EXPECT_EQ(opened, size_t{18});
}

TEST(Tls12WrongSecrets, "record protection: TLS 1.2 keys depend on the master secret, both randoms and the digest") {
  REQUIRE_LIBCRYPTO();
  const Tls12Session session = kTls12Sessions[0];
  const Bytes record = Unhex(session.server_records[0]);
  const auto opens = [&](const char* digest, const Bytes& master_secret, const Bytes& client_random,
                         const Bytes& server_random) {
    TransmitKeys keys;
    keys.version = TlsVersion::kTls12;
    keys.cipher = session.cipher;
    return DeriveTls12Keys(digest, {master_secret.data(), client_random.data(), server_random.data()}, true, &keys) &&
           Opens(keys, 0, record);
  };
  const auto flipped = [](Bytes bytes) {
    bytes.back() ^= 1;
    return bytes;
  };
  const Bytes master_secret = Unhex(session.master_secret);
  const Bytes client_random = Unhex(session.client_random);
  const Bytes server_random = Unhex(session.server_random);
  EXPECT(opens("SHA256", master_secret, client_random, server_random));
  EXPECT(!opens("SHA384", master_secret, client_random, server_random));
  EXPECT(!opens("SHA256", flipped(master_secret), client_random, server_random));
  EXPECT(!opens("SHA256", master_secret, flipped(client_random), server_random));
  EXPECT(!opens("SHA256", master_secret, client_random, flipped(server_random)));
  EXPECT(!opens("SHA256", master_secret, server_random, client_random));
}

// --- agreement with what libcrypto seals ---

struct Sealing {
  int (*init)(evp_cipher_ctx_st*, const evp_cipher_st*, void*, const uint8_t*, const uint8_t*);
  int (*update)(evp_cipher_ctx_st*, uint8_t*, int*, const uint8_t*, int);
  int (*final)(evp_cipher_ctx_st*, uint8_t*, int*);

  bool Load() {
    Find("EVP_EncryptInit_ex", &init);
    Find("EVP_EncryptUpdate", &update);
    Find("EVP_EncryptFinal_ex", &final);
    return init != nullptr && update != nullptr && final != nullptr;
  }

  template <typename Function>
  static void Find(const char* name, Function* slot) {
    *slot = reinterpret_cast<Function>(FindInLibcrypto(name));
  }

  // The ciphertext and its tag.
  Bytes Seal(const TransmitKeys& keys, const Bytes& nonce, const Bytes& additional_data, const Bytes& plaintext) const {
    constexpr int kGetTag = 0x10;  // EVP_CTRL_AEAD_GET_TAG
    const evp_cipher_st* cipher = keys.cipher == Cipher::kAes128Gcm   ? openssl.EVP_aes_128_gcm()
                                  : keys.cipher == Cipher::kAes256Gcm ? openssl.EVP_aes_256_gcm()
                                                                      : openssl.EVP_chacha20_poly1305();
    evp_cipher_ctx_st* context = openssl.EVP_CIPHER_CTX_new();
    Bytes sealed(plaintext.size() + 16);
    int written = 0;
    EXPECT(init(context, cipher, nullptr, keys.key.data(), nonce.data()) == 1);
    EXPECT(update(context, nullptr, &written, additional_data.data(), static_cast<int>(additional_data.size())) == 1);
    EXPECT(update(context, sealed.data(), &written, plaintext.data(), static_cast<int>(plaintext.size())) == 1);
    EXPECT(final(context, sealed.data() + written, &written) == 1);
    EXPECT(openssl.EVP_CIPHER_CTX_ctrl(context, kGetTag, 16, sealed.data() + plaintext.size()) == 1);
    openssl.EVP_CIPHER_CTX_free(context);
    return sealed;
  }
};

Bytes Numbered(uint64_t value) {
  Bytes bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<uint8_t>(value >> shift));
  return bytes;
}

void Append(Bytes* bytes, const Bytes& more) { bytes->insert(bytes->end(), more.begin(), more.end()); }

Bytes Header(uint8_t type, size_t size) {
  return {type, 3, 3, static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)};
}

// A record as RFC 8446, 5.2 or RFC 5246, 6.2.3.3 builds it: once more, apart from the code that is tested.
Bytes SealRecord(const Sealing& sealing, const TransmitKeys& keys, uint64_t sequence, const Bytes& plaintext) {
  constexpr uint8_t kType = 23;
  const Bytes numbered = Numbered(sequence);
  Bytes nonce(keys.iv.begin(), keys.iv.end());
  if (keys.version == TlsVersion::kTls12 && keys.cipher != Cipher::kChaCha20Poly1305) {
    nonce.resize(4);
    const Bytes explicit_nonce = Numbered(0x1122334455667788 + sequence);
    Append(&nonce, explicit_nonce);
    Bytes additional_data = numbered;
    Append(&additional_data, Header(kType, plaintext.size()));
    Bytes record = Header(kType, 8 + plaintext.size() + 16);
    Append(&record, explicit_nonce);
    Append(&record, sealing.Seal(keys, nonce, additional_data, plaintext));
    return record;
  }
  std::transform(numbered.begin(), numbered.end(), nonce.begin() + 4, nonce.begin() + 4,
                 [](uint8_t a, uint8_t b) { return static_cast<uint8_t>(a ^ b); });
  if (keys.version == TlsVersion::kTls12) {
    Bytes additional_data = numbered;
    Append(&additional_data, Header(kType, plaintext.size()));
    Bytes record = Header(kType, plaintext.size() + 16);
    Append(&record, sealing.Seal(keys, nonce, additional_data, plaintext));
    return record;
  }
  Bytes inner = plaintext;
  inner.push_back(kType);
  Bytes record = Header(kType, inner.size() + 16);
  Append(&record, sealing.Seal(keys, nonce, record, inner));
  return record;
}

TEST(SealedByLibcrypto, "record protection: what libcrypto seals opens, for any size, sequence, version and cipher") {
  REQUIRE_LIBCRYPTO();
  Sealing sealing;
  REQUIRE(sealing.Load());
  const uint64_t sequences[] = {0, 1, 255, 256, 0xffffffff, 0x100000000, 0x0102030405060708, ~uint64_t{1}};
  const size_t sizes[] = {0, 1, 15, 16, 17, 255, 1024, 16383, 16384};
  for (const TlsVersion version : {TlsVersion::kTls12, TlsVersion::kTls13}) {
    for (const Cipher cipher : {Cipher::kAes128Gcm, Cipher::kAes256Gcm, Cipher::kChaCha20Poly1305}) {
      TransmitKeys keys;
      keys.version = version;
      keys.cipher = cipher;
      const Bytes material = Pattern(44, static_cast<uint32_t>(cipher));
      std::copy_n(material.begin(), keys.key.size(), keys.key.begin());
      std::copy_n(material.begin() + 32, keys.iv.size(), keys.iv.begin());
      for (const uint64_t sequence : sequences) {
        for (const size_t size : sizes) {
          const Bytes record = SealRecord(sealing, keys, sequence, Pattern(size));
          EXPECT_EQ(record.size() - size, RecordOverhead(version, cipher));
          EXPECT(Opens(keys, sequence, record));
          EXPECT(!Opens(keys, sequence + 1, record));
          EXPECT(!Opens(keys, sequence - 1, record));
        }
      }
    }
  }
}

TEST(OtherVersion, "record protection: a record of one TLS version does not open as one of the other") {
  REQUIRE_LIBCRYPTO();
  Sealing sealing;
  REQUIRE(sealing.Load());
  for (const Cipher cipher : {Cipher::kAes128Gcm, Cipher::kAes256Gcm, Cipher::kChaCha20Poly1305}) {
    for (const TlsVersion version : {TlsVersion::kTls12, TlsVersion::kTls13}) {
      TransmitKeys keys;
      keys.version = version;
      keys.cipher = cipher;
      const Bytes record = SealRecord(sealing, keys, 7, Pattern(100));
      EXPECT(Opens(keys, 7, record));
      keys.version = version == TlsVersion::kTls12 ? TlsVersion::kTls13 : TlsVersion::kTls12;
      EXPECT(!Opens(keys, 7, record));
    }
  }
}

}  // namespace
}  // namespace ktls::test
