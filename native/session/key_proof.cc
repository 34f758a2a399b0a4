#include "key_proof.h"

#include <array>

#include "../crypto/key_schedule.h"
#include "../crypto/record_protection.h"
#include "../kernel/big_endian.h"
#include "../openssl/openssl_api.h"

namespace ktls {

namespace {

bool DeriveKeys(const Session& session, TransmitKeys* keys) {
  Ssl* ssl = session.ssl();
  const char* digest = session.digest();
  if (digest == nullptr) return false;
  if (keys->version == TlsVersion::kTls13) {
    const Secret& secret = session.traffic_secret();
    return secret.is_set() && DeriveTls13Keys(digest, secret.data(), secret.size(), keys);
  }
  std::array<uint8_t, 48> master_secret;
  std::array<uint8_t, 32> client_random;
  std::array<uint8_t, 32> server_random;
  const bool derived =
      openssl.SSL_SESSION_get_master_key(openssl.SSL_get_session(ssl), master_secret.data(), master_secret.size()) ==
          master_secret.size() &&
      openssl.SSL_get_client_random(ssl, client_random.data(), client_random.size()) == client_random.size() &&
      openssl.SSL_get_server_random(ssl, server_random.data(), server_random.size()) == server_random.size() &&
      DeriveTls12Keys(digest, {master_secret.data(), client_random.data(), server_random.data()},
                      openssl.SSL_is_server(ssl) == 1, keys);
  openssl.OPENSSL_cleanse(master_secret.data(), master_secret.size());
  return derived;
}

// The kernel counts explicit nonces on from the one it is given. OpenSSL began at a random one and counts up, so the
// next is unique under this key by construction; wrapping at 2^64 keeps it so.
bool ContinueExplicitNonce(const RecordLog& log, TransmitKeys* keys) {
  uint64_t nonce = 0;
  if (!log.LastExplicitNonce(&nonce)) return false;
  nonce++;
  StoreBigEndian64(nonce, keys->iv.data() + 4);
  return true;
}

}  // namespace

KeyProof ProveKeys(const Session& session, TransmitKeys* keys) {
  if (openssl.BIO_number_written(session.bio()) != session.bytes_counted()) return KeyProof::kRefuted;
  // What was read tells of a callback that was taken since the last write: enableTrace() does that. Up to four bytes
  // may be a header that is not whole yet.
  if (openssl.BIO_number_read(openssl.SSL_get_rbio(session.ssl())) >=
      session.bytes_counted_reading() + kRecordHeaderSize) {
    return KeyProof::kRefuted;
  }
  if (!session.knows_write_key()) return KeyProof::kRefuted;
  if (!DeriveKeys(session, keys)) return KeyProof::kRefuted;
  if (session.records_since_key() == 0 || !session.record_log().has_last_record()) return KeyProof::kMissing;
  keys->record_sequence = session.records_since_key();
  if (!RecordOpensWith(*keys, keys->record_sequence - 1, session.record_log().last_record(),
                       session.record_log().last_record_size())) {
    return KeyProof::kRefuted;
  }
  const bool explicit_nonce = keys->version == TlsVersion::kTls12 && keys->cipher != Cipher::kChaCha20Poly1305;
  if (explicit_nonce && !ContinueExplicitNonce(session.record_log(), keys)) return KeyProof::kMissing;
  return KeyProof::kGiven;
}

}  // namespace ktls
