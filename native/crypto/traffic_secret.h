// The application traffic secret of a TLS 1.3 session's write direction, and its successors.
#pragma once

#include <string>

#include "key_source.h"
#include "secret.h"

namespace ktls {

class TrafficSecret : public KeySource {
 public:
  // `digest` is OpenSSL's name of the suite's hash. Unset where there was no memory (is_set).
  TrafficSecret(Cipher cipher, const char* digest, const uint8_t* secret, size_t size);

  bool is_set() const { return secret_.is_set(); }
  bool Next(TransmitKeys* keys) override;

 private:
  const Cipher cipher_;
  const std::string digest_;
  Secret secret_;
};

}  // namespace ktls
