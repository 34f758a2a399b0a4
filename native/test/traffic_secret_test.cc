// The write keys after one and after two key updates, and where their secrets are kept.
#include "../crypto/traffic_secret.h"

#include <string.h>

#include <memory>
#include <vector>

#include "../crypto/secret.h"
#include "test.h"
#include "vectors.h"

namespace ktls::test {
namespace {

// RFC 8446, 7.2, worked out by a second implementation (Python's hmac and hashlib) that agrees with RFC 8448 on the
// keys before; the first secret is RFC 8448's server_application_traffic_secret_0.
struct Updates {
  Cipher cipher;
  const char* digest;
  const char* secret;
  struct {
    const char* key;
    const char* iv;
  } updates[2];
};

constexpr Updates kUpdates[] = {
    {Cipher::kAes128Gcm,
     "SHA256",
     "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
     {{"2e63be99d67b39097feb9786cf7a15a0", "628a0a8298ac953baef4255a"},
      {"65b9c2b0f1a857bc47aac35f79d007c8", "3945073c176791288c5d8ce5"}}},
    {Cipher::kAes256Gcm,
     "SHA384",
     "bed3dc621e0e488ba9f2734536fb6477b5b628593289cb3d10506ee56c18e1bb056f689b066c163c50486ecaf6fe9b53",
     {{"1d5e3313fad5841f2664dc39fae94d7014db4b72e403cd3dbc720a56a00e44cb", "f413c1e1f4dba9b387e14b4e"},
      {"438ed9b21e8056ce7e2c5bbe40eb1d4e1d2e9017df3a005fe9fa1420d2f46b5c", "21bdc0ba4325507519209843"}}},
};

TEST(TrafficUpdates, "traffic secret: each update's keys follow from the one before") {
  REQUIRE_LIBCRYPTO();
  for (const Updates& vector : kUpdates) {
    const Bytes first = Unhex(vector.secret);
    TrafficSecret secret(vector.cipher, vector.digest, first.data(), first.size());
    EXPECT(secret.is_set());
    for (const auto& update : vector.updates) {
      TransmitKeys keys;
      keys.record_sequence = 9;
      EXPECT(secret.Next(&keys));
      EXPECT(keys.cipher == vector.cipher && keys.version == TlsVersion::kTls13);
      EXPECT_EQ(keys.record_sequence, uint64_t{0});
      const auto key_size = static_cast<ptrdiff_t>(KeySize(keys.cipher));
      EXPECT(Bytes(keys.key.begin(), keys.key.begin() + key_size) == Unhex(update.key));
      EXPECT(Bytes(keys.iv.begin(), keys.iv.end()) == Unhex(update.iv));
    }
  }
}

TEST(TrafficSecretUnusable, "traffic secret: no keys from an unknown digest or from nothing") {
  REQUIRE_LIBCRYPTO();
  const Bytes bytes = Pattern(32);
  TransmitKeys keys;
  TrafficSecret unknown(Cipher::kAes128Gcm, "NO-SUCH-DIGEST", bytes.data(), bytes.size());
  EXPECT(!unknown.Next(&keys));
  TrafficSecret empty(Cipher::kAes128Gcm, "SHA256", bytes.data(), 0);
  EXPECT(!empty.is_set());
  EXPECT(!empty.Next(&keys));
}

TEST(SecretWiped, "secret: wiped when it is replaced, given up or destroyed") {
  const Bytes bytes = Pattern(48);
  const Bytes zeros(48);
  auto secret = std::make_unique<Secret>();
  EXPECT(!secret->is_set());
  EXPECT(secret->Set(bytes.data(), bytes.size()));
  const uint8_t* place = secret->data();
  EXPECT(memcmp(place, bytes.data(), bytes.size()) == 0);
  EXPECT(secret->Set(bytes.data(), 8));
  EXPECT(memcmp(secret->data() + 8, zeros.data(), 40) == 0);
  secret->Wipe();
  EXPECT(!secret->is_set());
  EXPECT(memcmp(place, zeros.data(), 48) == 0);
  EXPECT(secret->Set(bytes.data(), bytes.size()));
  place = secret->data();
  secret.reset();
  EXPECT(memcmp(place, zeros.data(), 48) == 0);
}

TEST(SecretSizes, "secret: more than 64 bytes are refused, and hundreds of secrets do not overlap") {
  const Bytes bytes = Pattern(65);
  Secret secret;
  EXPECT(!secret.Set(bytes.data(), 65));
  EXPECT(!secret.is_set());
  EXPECT(secret.Set(bytes.data(), 64));
  std::vector<std::unique_ptr<Secret>> many;
  for (uint32_t i = 0; i < 300; ++i) {
    many.push_back(std::make_unique<Secret>());
    EXPECT(many.back()->Set(Pattern(64, i).data(), 64));
  }
  for (uint32_t i = 0; i < 300; ++i) EXPECT(memcmp(many[i]->data(), Pattern(64, i).data(), 64) == 0);
}

}  // namespace
}  // namespace ktls::test
