#include "traffic_secret.h"

#include <array>

#include "../openssl/openssl_api.h"
#include "../openssl/openssl_lease.h"
#include "key_schedule.h"

namespace ktls {

TrafficSecret::TrafficSecret(Cipher cipher, const char* digest, const uint8_t* secret, size_t size)
    : cipher_(cipher), digest_(digest) {
  OpenSslLease::EndAllAtExit();
  secret_.Set(secret, size);
}

bool TrafficSecret::Next(TransmitKeys* keys) {
  const OpenSslLease lease;
  if (!lease.is_given()) return false;
  std::array<uint8_t, Secret::kMaxSize> next;
  const size_t size = secret_.size();
  const bool advanced = secret_.is_set() &&
                        DeriveNextTrafficSecret(digest_.c_str(), secret_.data(), size, next.data()) &&
                        secret_.Set(next.data(), size);
  openssl.OPENSSL_cleanse(next.data(), next.size());
  if (!advanced) return false;
  keys->version = TlsVersion::kTls13;
  keys->cipher = cipher_;
  keys->record_sequence = 0;
  return DeriveTls13Keys(digest_.c_str(), secret_.data(), size, keys);
}

}  // namespace ktls
