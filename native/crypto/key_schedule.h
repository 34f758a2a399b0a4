// From a session's secret to the keys of its write direction.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../kernel/kernel_tls.h"

namespace ktls {

// RFC 8446, 7.3: key = HKDF-Expand-Label(secret, "key", "", key_length), likewise "iv". Fills keys->key and keys->iv
// for keys->cipher. `digest` is OpenSSL's name of the suite's hash.
bool DeriveTls13Keys(const char* digest, const uint8_t* traffic_secret, size_t secret_size, TransmitKeys* keys);

// RFC 8446, 7.2: the secret of the next key, as long as the present one ("traffic upd").
bool DeriveNextTrafficSecret(const char* digest, const uint8_t* traffic_secret, size_t secret_size, uint8_t* next);

struct Tls12Secrets {
  const uint8_t* master_secret;  // 48 bytes
  const uint8_t* client_random;  // 32 bytes
  const uint8_t* server_random;  // 32 bytes
};

// RFC 5246, 6.3: the key block; `for_server` picks server_write_key and server_write_IV. AEAD suites have no MAC keys.
// Fills the 4 bytes of salt (AES-GCM, RFC 5288) or all 12 of iv (ChaCha20-Poly1305, RFC 7905).
bool DeriveTls12Keys(const char* digest, const Tls12Secrets& secrets, bool for_server, TransmitKeys* keys);

}  // namespace ktls
