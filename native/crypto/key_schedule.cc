#include "key_schedule.h"

#include <array>
#include <cstring>
#include <memory>

#include "../openssl/openssl_api.h"

namespace ktls {

namespace {

constexpr size_t kIvSize = 12;
constexpr size_t kGcmSaltSize = 4;
constexpr size_t kMasterSecretSize = 48;
constexpr size_t kRandomSize = 32;

struct KdfContextFree {
  void operator()(evp_kdf_ctx_st* context) const { openssl.EVP_KDF_CTX_free(context); }
};

ossl_param_st Text(const char* key, const char* value) {
  return {key, kParamUtf8String, const_cast<char*>(value), strlen(value), 0};
}

ossl_param_st Octets(const char* key, const void* value, size_t size) {
  return {key, kParamOctetString, const_cast<void*>(value), size, 0};
}

constexpr ossl_param_st kEnd = {nullptr, 0, nullptr, 0, 0};

bool Derive(evp_kdf_st* kdf, const ossl_param_st* parameters, uint8_t* output, size_t size) {
  if (kdf == nullptr) return false;
  const std::unique_ptr<evp_kdf_ctx_st, KdfContextFree> context(openssl.EVP_KDF_CTX_new(kdf));
  return context && openssl.EVP_KDF_derive(context.get(), output, size, parameters) == 1;
}

bool ExpandLabel(const char* digest, const uint8_t* secret, size_t secret_size, const char* label, uint8_t* output,
                 size_t size) {
  // Fetched once for the process: a fetch takes a lock and a look-up by name (man3/EVP_KDF_fetch).
  static evp_kdf_st* const kdf = openssl.EVP_KDF_fetch(nullptr, "TLS13-KDF", nullptr);
  const ossl_param_st parameters[] = {
      Text("digest", digest),        Text("mode", "EXPAND_ONLY"),           Octets("key", secret, secret_size),
      Octets("prefix", "tls13 ", 6), Octets("label", label, strlen(label)), kEnd,
  };
  return Derive(kdf, parameters, output, size);
}

}  // namespace

bool DeriveTls13Keys(const char* digest, const uint8_t* traffic_secret, size_t secret_size, TransmitKeys* keys) {
  return ExpandLabel(digest, traffic_secret, secret_size, "key", keys->key.data(), KeySize(keys->cipher)) &&
         ExpandLabel(digest, traffic_secret, secret_size, "iv", keys->iv.data(), kIvSize);
}

bool DeriveNextTrafficSecret(const char* digest, const uint8_t* traffic_secret, size_t secret_size, uint8_t* next) {
  return ExpandLabel(digest, traffic_secret, secret_size, "traffic upd", next, secret_size);
}

bool DeriveTls12Keys(const char* digest, const Tls12Secrets& secrets, bool for_server, TransmitKeys* keys) {
  static evp_kdf_st* const kdf = openssl.EVP_KDF_fetch(nullptr, "TLS1-PRF", nullptr);
  static constexpr char kLabel[] = "key expansion";
  std::array<uint8_t, sizeof kLabel - 1 + 2 * kRandomSize> seed;
  memcpy(seed.data(), kLabel, sizeof kLabel - 1);
  memcpy(seed.data() + sizeof kLabel - 1, secrets.server_random, kRandomSize);
  memcpy(seed.data() + sizeof kLabel - 1 + kRandomSize, secrets.client_random, kRandomSize);

  const size_t key_size = KeySize(keys->cipher);
  const size_t iv_size = keys->cipher == Cipher::kChaCha20Poly1305 ? kIvSize : kGcmSaltSize;
  std::array<uint8_t, 2 * (32 + kIvSize)> block;
  const ossl_param_st parameters[] = {Text("digest", digest),
                                      Octets("secret", secrets.master_secret, kMasterSecretSize),
                                      Octets("seed", seed.data(), seed.size()), kEnd};
  const bool derived = Derive(kdf, parameters, block.data(), 2 * (key_size + iv_size));
  if (derived) {
    memcpy(keys->key.data(), block.data() + (for_server ? key_size : 0), key_size);
    memcpy(keys->iv.data(), block.data() + 2 * key_size + (for_server ? iv_size : 0), iv_size);
  }
  openssl.OPENSSL_cleanse(block.data(), block.size());
  return derived;
}

}  // namespace ktls
