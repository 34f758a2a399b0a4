#include "hand_over.h"

#include <netinet/tcp.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "../crypto/traffic_secret.h"
#include "../kernel/probe.h"
#include "../kernel/spare_descriptor.h"
#include "key_proof.h"
#include "session_tracker.h"

namespace ktls {

namespace {

// NID_* of openssl/obj_mac.h; numbers of registered objects never change.
constexpr int kNidAes128Gcm = 895;
constexpr int kNidAes256Gcm = 901;
constexpr int kNidChaCha20Poly1305 = 1018;

std::atomic<uint64_t> records_per_key{KeyChange::kRecordsPerKey};

HandOverResult Refuse(HandOver status, int error = 0) { return {status, error, nullptr}; }

std::optional<Cipher> KernelCipher(const ssl_cipher_st* cipher) {
  switch (cipher == nullptr ? 0 : openssl.SSL_CIPHER_get_cipher_nid(cipher)) {
    case kNidAes128Gcm:
      return Cipher::kAes128Gcm;
    case kNidAes256Gcm:
      return Cipher::kAes256Gcm;
    case kNidChaCha20Poly1305:
      return Cipher::kChaCha20Poly1305;
    default:
      return std::nullopt;
  }
}

bool BelongTogether(const Ssl* ssl, const uint8_t* finished, size_t size) {
  std::array<uint8_t, 64> own;
  const size_t own_size = openssl.SSL_get_finished(ssl, own.data(), own.size());
  return size > 0 && own_size == size && own_size <= own.size() && memcmp(own.data(), finished, size) == 0;
}

// The peer's limit (RFC 6066, 4), or our own: SSL_set_max_send_fragment() has no getter, but the split size may
// not be set above it. 16 KiB is that one's own default.
bool HasRecordSizeLimit(Ssl* ssl) {
  return openssl.SSL_SESSION_get_max_fragment_length(openssl.SSL_get_session(ssl)) != 0 ||
         openssl.SSL_ctrl(ssl, kControlSetSplitSendFragment, kMaxRecordBytes, nullptr) != 1;
}

// Whether OpenSSL is in the middle of something that will still write.
HandOver CheckQuiet(const Session& session) {
  Ssl* ssl = session.ssl();
  if (openssl.SSL_is_init_finished(ssl) != 1 || openssl.SSL_renegotiate_pending(ssl) != 0) {
    return HandOver::kSessionNotReady;
  }
  // The next write begins with the KeyUpdate, and ends with a record under the new key.
  if (openssl.SSL_get_key_update_type(ssl) != kKeyUpdateNone) return HandOver::kProofNeeded;
  if ((openssl.SSL_get_shutdown(ssl) & kSentShutdown) != 0) return HandOver::kSessionEnding;
  if (openssl.BIO_ctrl_pending(session.bio()) != 0) return HandOver::kBusy;
  return HandOver::kDone;
}

// Empty where there is no memory for it.
std::optional<KeyChange> KeyChangeOf(const Session& session, const TransmitKeys& keys) {
  KeyChange change;
  // RFC 8446, 5.5: with ChaCha20-Poly1305 the sequence number would wrap before the limit is reached.
  change.records_per_key =
      keys.cipher == Cipher::kChaCha20Poly1305 ? std::numeric_limits<uint64_t>::max() : records_per_key.load();
  // A secret that nobody will ask for is not kept.
  if (keys.version != TlsVersion::kTls13 || !KernelTakesNewKeys()) return change;
  const Secret& present = session.traffic_secret();
  auto secret = std::make_unique<TrafficSecret>(keys.cipher, session.digest(), present.data(), present.size());
  if (!secret->is_set()) return std::nullopt;
  change.source = std::move(secret);
  return change;
}

int AttachUlpOnce(Session* session, int socket_fd) {
  const int attached = AttachUlp(socket_fd);
  if (attached == -EEXIST && session->ulp_attached) return 0;
  if (attached == 0) session->ulp_attached = true;
  return attached;
}

// Whether a later attempt on the same session may still succeed.
bool MayChange(HandOver status) {
  return status == HandOver::kProofNeeded || status == HandOver::kBusy || status == HandOver::kSessionNotReady ||
         status == HandOver::kDescriptorLimit;
}

HandOverResult Attempt(Session* session, int socket_fd, const uint8_t* finished, size_t finished_size, Sender* sender,
                       std::shared_ptr<CompletionSink> sink) {
  if (session == nullptr || session->bio() == nullptr || session->handed_over() ||
      openssl.SSL_get_wbio(session->ssl()) != session->bio()) {
    return Refuse(HandOver::kSessionNotTracked);
  }
  Ssl* ssl = session->ssl();
  const HandOver quiet = CheckQuiet(*session);
  if (quiet != HandOver::kDone) return Refuse(quiet);
  if (!BelongTogether(ssl, finished, finished_size)) return Refuse(HandOver::kSessionInconsistent);

  TransmitKeys keys;
  const int version = openssl.SSL_version(ssl);
  if (version != static_cast<int>(TlsVersion::kTls12) && version != static_cast<int>(TlsVersion::kTls13)) {
    return Refuse(HandOver::kProtocolUnsupported);
  }
  keys.version = static_cast<TlsVersion>(version);
  const std::optional<Cipher> cipher = KernelCipher(openssl.SSL_get_current_cipher(ssl));
  if (!cipher) return Refuse(HandOver::kCipherUnsupported);
  keys.cipher = *cipher;
  if (HasRecordSizeLimit(ssl)) return Refuse(HandOver::kRecordSizeLimited);

  const KeyProof proof = ProveKeys(*session, &keys);
  if (proof == KeyProof::kMissing) return Refuse(HandOver::kProofNeeded);
  if (proof != KeyProof::kGiven) return Refuse(HandOver::kSessionInconsistent);

  uint64_t bytes_accepted = 0;
  uint8_t tcp_state = 0;
  const int read = ReadBytesAccepted(socket_fd, &bytes_accepted, &tcp_state);
  if (read == -EBUSY) return Refuse(HandOver::kBusy);
  if (read < 0) return Refuse(HandOver::kSessionEnding, -read);
  // A half-closed peer leaves CLOSE_WAIT, where TCP_ULP is refused (net/tls/tls_main.c, tls_init).
  if (tcp_state != TCP_ESTABLISHED) return Refuse(HandOver::kSessionEnding);

  UniqueFd duplicate = DuplicateIfSpare(socket_fd);
  if (!duplicate.is_open()) return Refuse(HandOver::kDescriptorLimit, errno);
  std::unique_ptr<Bio, BioFree> nowhere(openssl.BIO_new(openssl.BIO_s_null()));
  if (!nowhere) return Refuse(HandOver::kDescriptorLimit, ENOMEM);
  std::optional<KeyChange> key_change = KeyChangeOf(*session, keys);
  if (!key_change) return Refuse(HandOver::kDescriptorLimit, ENOMEM);
  std::shared_ptr<SocketQueue> queue = SocketQueue::Open(
      sender, std::move(duplicate), KernelTlsState{keys.version, keys.cipher, keys.record_sequence, bytes_accepted},
      std::move(*key_change), std::move(sink));

  const int attached = AttachUlpOnce(session, socket_fd);
  if (attached < 0) return Refuse(HandOver::kUlpRefused, -attached);
  const int keyed = SetTransmitKeys(socket_fd, keys);
  if (keyed < 0) return Refuse(HandOver::kKeysRefused, -keyed);

  // The point of no return: from here the kernel encrypts whatever is written to this socket. What follows cannot fail.
  session->SwitchTo(queue, nowhere.release());
  KeepCallbacks(*session);
  return {HandOver::kDone, 0, std::move(queue)};
}

}  // namespace

void SetRecordsPerKey(uint64_t records) { records_per_key = records == 0 ? KeyChange::kRecordsPerKey : records; }

HandOverResult HandOverSession(Session* session, int socket_fd, const uint8_t* finished, size_t finished_size,
                               Sender* sender, std::shared_ptr<CompletionSink> sink) {
  HandOverResult result = Attempt(session, socket_fd, finished, finished_size, sender, std::move(sink));
  if (result.status != HandOver::kDone && !MayChange(result.status) && session != nullptr) session->GiveUp();
  return result;
}

}  // namespace ktls
