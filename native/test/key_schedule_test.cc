// Key derivation against published and captured keys. That the records of both open is in record_protection_test.cc.
#include "../crypto/key_schedule.h"

#include <algorithm>

#include "test.h"
#include "vectors.h"
#include "vectors_tls12.h"
#include "vectors_tls13.h"

namespace ktls::test {
namespace {

Bytes KeyOf(const TransmitKeys& keys) {
  return Bytes(keys.key.begin(), keys.key.begin() + static_cast<ptrdiff_t>(KeySize(keys.cipher)));
}

Bytes IvOf(const TransmitKeys& keys) { return Bytes(keys.iv.begin(), keys.iv.end()); }

void ExpectTls13(const char* secret_hex, const char* key, const char* iv) {
  TransmitKeys keys;
  keys.cipher = Cipher::kAes128Gcm;
  const Bytes secret = Unhex(secret_hex);
  EXPECT(DeriveTls13Keys("SHA256", secret.data(), secret.size(), &keys));
  EXPECT(KeyOf(keys) == Unhex(key));
  EXPECT(IvOf(keys) == Unhex(iv));
}

TEST(Rfc8448Keys, "key schedule: TLS 1.3 write keys are those of RFC 8448") {
  REQUIRE_LIBCRYPTO();
  size_t published = 0;
  for (const Tls13Direction& direction : kTls13Directions) {
    if (direction.key == nullptr) continue;
    ExpectTls13(direction.traffic_secret, direction.key, direction.iv);
    published++;
  }
  EXPECT_EQ(published, size_t{3});
  // The server's handshake keys, of whose one long record there is no copy here.
  ExpectTls13("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38", "3fce516009c21727d0f2e4e86ee403bc",
              "5d313eb2671276ee13000b30");
}

TEST(Tls13KeySizes, "key schedule: a TLS 1.3 key is as long as its cipher's, and nothing is written behind it") {
  REQUIRE_LIBCRYPTO();
  const Bytes secret = Pattern(32);
  for (const Cipher cipher : {Cipher::kAes128Gcm, Cipher::kAes256Gcm, Cipher::kChaCha20Poly1305}) {
    TransmitKeys keys;
    keys.cipher = cipher;
    keys.key.fill(0xee);
    EXPECT(DeriveTls13Keys("SHA256", secret.data(), secret.size(), &keys));
    const auto end = keys.key.begin() + static_cast<ptrdiff_t>(KeySize(cipher));
    EXPECT(std::all_of(end, keys.key.end(), [](uint8_t byte) { return byte == 0xee; }));
    EXPECT(!std::all_of(keys.key.begin(), end, [](uint8_t byte) { return byte == 0xee; }));
  }
}

// RFC 5246, 6.3: client key, server key, client iv, server iv, one behind the other in one block. So the keys of
// AES-128 and AES-256 from the same secrets begin alike, and the second key of AES-128 continues the first of AES-256.
TEST(Tls12KeyBlock, "key schedule: TLS 1.2 keys are cut from the key block in the order of RFC 5246") {
  REQUIRE_LIBCRYPTO();
  const Bytes master_secret = Unhex(kTls12Sessions[0].master_secret);
  const Bytes client_random = Unhex(kTls12Sessions[0].client_random);
  const Bytes server_random = Unhex(kTls12Sessions[0].server_random);
  const auto derive = [&](Cipher cipher, bool for_server, TransmitKeys* keys) {
    keys->version = TlsVersion::kTls12;
    keys->cipher = cipher;
    return DeriveTls12Keys("SHA256", {master_secret.data(), client_random.data(), server_random.data()}, for_server,
                           keys);
  };
  TransmitKeys client128, server128, client256, server256, client_chacha, server_chacha;
  REQUIRE(derive(Cipher::kAes128Gcm, false, &client128) && derive(Cipher::kAes128Gcm, true, &server128) &&
          derive(Cipher::kAes256Gcm, false, &client256) && derive(Cipher::kAes256Gcm, true, &server256) &&
          derive(Cipher::kChaCha20Poly1305, false, &client_chacha) &&
          derive(Cipher::kChaCha20Poly1305, true, &server_chacha));
  // The block's first 88 bytes, put together from ChaCha20's cut: keys of 32, ivs of 12.
  Bytes block;
  for (const Bytes& part : {KeyOf(client_chacha), KeyOf(server_chacha), IvOf(client_chacha), IvOf(server_chacha)}) {
    block.insert(block.end(), part.begin(), part.end());
  }
  const auto slice = [&](size_t offset, size_t size) {
    const auto begin = block.begin() + static_cast<ptrdiff_t>(offset);
    return Bytes(begin, begin + static_cast<ptrdiff_t>(size));
  };
  const auto salted = [](Bytes salt) {
    salt.resize(12);  // the explicit nonce is not derived
    return salt;
  };
  EXPECT(KeyOf(client128) == slice(0, 16));
  EXPECT(KeyOf(server128) == slice(16, 16));
  EXPECT(IvOf(client128) == salted(slice(32, 4)));
  EXPECT(IvOf(server128) == salted(slice(36, 4)));
  EXPECT(KeyOf(client256) == slice(0, 32));
  EXPECT(KeyOf(server256) == slice(32, 32));
  EXPECT(IvOf(client256) == salted(slice(64, 4)));
  EXPECT(IvOf(server256) == salted(slice(68, 4)));
  EXPECT(KeyOf(client128) != KeyOf(server128));
}

TEST(UnknownDigest, "key schedule: a digest that OpenSSL does not know is refused") {
  REQUIRE_LIBCRYPTO();
  const Bytes secret = Pattern(48);
  TransmitKeys keys;
  EXPECT(!DeriveTls13Keys("SHA-NONE", secret.data(), 32, &keys));
  keys.version = TlsVersion::kTls12;
  EXPECT(!DeriveTls12Keys("SHA-NONE", {secret.data(), secret.data(), secret.data()}, true, &keys));
}

}  // namespace
}  // namespace ktls::test
