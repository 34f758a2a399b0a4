#include "record_protection.h"

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "../kernel/big_endian.h"
#include "../openssl/openssl_api.h"

namespace ktls {

namespace {

constexpr size_t kNonceSize = 12;

struct CipherContextFree {
  void operator()(evp_cipher_ctx_st* context) const { openssl.EVP_CIPHER_CTX_free(context); }
};

const evp_cipher_st* EvpCipher(Cipher cipher) {
  switch (cipher) {
    case Cipher::kAes128Gcm:
      return openssl.EVP_aes_128_gcm();
    case Cipher::kAes256Gcm:
      return openssl.EVP_aes_256_gcm();
    case Cipher::kChaCha20Poly1305:
      return openssl.EVP_chacha20_poly1305();
  }
  return nullptr;
}

struct Protection {
  std::array<uint8_t, kNonceSize> nonce;
  std::array<uint8_t, 13> additional_data;
  size_t additional_data_size;
  const uint8_t* ciphertext;
  size_t ciphertext_size;  // without the tag
};

// False: too short to be a record of this version and cipher.
bool Dissect(const TransmitKeys& keys, uint64_t sequence, const uint8_t* record, size_t size, Protection* result) {
  const bool explicit_nonce = keys.version == TlsVersion::kTls12 && keys.cipher != Cipher::kChaCha20Poly1305;
  const size_t prefix = kRecordHeaderSize + (explicit_nonce ? kExplicitNonceSize : 0);
  if (size < prefix + kTagSize) return false;
  result->ciphertext = record + prefix;
  result->ciphertext_size = size - prefix - kTagSize;

  result->nonce = keys.iv;
  uint8_t sequence_bytes[8];
  StoreBigEndian64(sequence, sequence_bytes);
  if (explicit_nonce) {
    memcpy(result->nonce.data() + 4, record + kRecordHeaderSize, kExplicitNonceSize);
  } else {
    for (size_t i = 0; i < sizeof sequence_bytes; i++) result->nonce[4 + i] ^= sequence_bytes[i];
  }

  if (keys.version == TlsVersion::kTls13) {
    memcpy(result->additional_data.data(), record, kRecordHeaderSize);
    result->additional_data_size = kRecordHeaderSize;
  } else {
    memcpy(result->additional_data.data(), sequence_bytes, 8);
    memcpy(result->additional_data.data() + 8, record, 3);
    StoreBigEndian16(static_cast<uint16_t>(result->ciphertext_size), result->additional_data.data() + 11);
    result->additional_data_size = 13;
  }
  return true;
}

}  // namespace

bool RecordOpensWith(const TransmitKeys& keys, uint64_t sequence, const uint8_t* record, size_t size) {
  Protection parts;
  if (!Dissect(keys, sequence, record, size, &parts)) return false;
  const std::unique_ptr<evp_cipher_ctx_st, CipherContextFree> context(openssl.EVP_CIPHER_CTX_new());
  if (!context) return false;

  std::array<uint8_t, kTagSize> tag;
  memcpy(tag.data(), parts.ciphertext + parts.ciphertext_size, kTagSize);
  std::vector<uint8_t> plaintext(parts.ciphertext_size + kTagSize);
  int written = 0;
  const bool opened = openssl.EVP_DecryptInit_ex(context.get(), EvpCipher(keys.cipher), nullptr, keys.key.data(),
                                                 parts.nonce.data()) == 1 &&
                      openssl.EVP_CIPHER_CTX_ctrl(context.get(), kCipherControlSetTag, kTagSize, tag.data()) == 1 &&
                      openssl.EVP_DecryptUpdate(context.get(), nullptr, &written, parts.additional_data.data(),
                                                static_cast<int>(parts.additional_data_size)) == 1 &&
                      openssl.EVP_DecryptUpdate(context.get(), plaintext.data(), &written, parts.ciphertext,
                                                static_cast<int>(parts.ciphertext_size)) == 1 &&
                      openssl.EVP_DecryptFinal_ex(context.get(), plaintext.data() + written, &written) == 1;
  openssl.OPENSSL_cleanse(plaintext.data(), plaintext.size());
  return opened;
}

}  // namespace ktls
