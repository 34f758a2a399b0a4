// One TLS session (an SSL) as the tracker knows it. Belongs to the thread that runs the SSL; nothing else touches it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "../crypto/secret.h"
#include "../openssl/openssl_api.h"
#include "../send/socket_queue.h"
#include "record_log.h"

namespace ktls {

struct BioFree {
  void operator()(Bio* bio) const { openssl.BIO_free(bio); }
};

class Session {
 public:
  Session(Ssl* ssl, Bio* bio) : ssl_(ssl), bio_(bio) {}
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Ssl* ssl() const { return ssl_; }
  Bio* bio() const { return bio_; }
  // OpenSSL's name of the cipher suite's hash.
  const char* digest() const;
  const RecordLog& record_log() const { return *record_log_; }
  uint64_t bytes_counted() const { return bytes_counted_; }
  uint64_t bytes_counted_reading() const { return bytes_counted_reading_; }
  uint64_t records_since_key() const { return records_since_key_; }
  bool knows_write_key() const { return knows_write_key_; }
  const Secret& traffic_secret() const { return traffic_secret_; }
  bool handed_over() const { return queue_ != nullptr; }

  // --- told by OpenSSL's callbacks ---
  void RecordHeaderWritten(const uint8_t* header);
  void RecordHeaderRead(const uint8_t* header);
  // The write direction has a new key; the next record is number 0 under it. TLS 1.2 needs no secret here: the master
  // secret stays in OpenSSL's session.
  void WriteKeyChanged(const uint8_t* traffic_secret, size_t size);
  void BytesWritten(const uint8_t* bytes, size_t size) { record_log_->Append(bytes, size); }
  void BioFreed() { bio_ = nullptr; }
  // An alert that OpenSSL means to send after the hand-over, in plaintext.
  void AlertWritten(const uint8_t* alert);
  // After the hand-over OpenSSL tried to write something that only the kernel may write: the connection is ended.
  void ForbiddenRecordWritten();
  // The peer's KeyUpdate wants one of ours. OpenSSL would answer with its next write, of which there is none any more.
  void KeyUpdateRequested() { queue_->RequestKeyUpdate(); }
  void Trace(int write_p, int version, int content_type, const void* data, size_t size);

  // --- the hand-over ---
  bool ulp_attached = false;  // TCP_ULP took, TLS_TX was refused: an EEXIST of a later attempt is our own
  // No way back after this: OpenSSL's write side leads nowhere from here on. `nowhere` is an owned BIO.
  void SwitchTo(std::shared_ptr<SocketQueue> queue, Bio* nowhere);
  // It will not be handed over any more: no secret of it is kept from now on.
  void GiveUp();
  void MarkShutdownSent();
  // From now on messages are printed to stderr, as tlsSocket.enableTrace() does by a callback that would take the place
  // of ours.
  void StartTrace();

  // Intrusive list of the thread's sessions, kept by the tracker.
  Session* next = nullptr;
  Session* previous = nullptr;

 private:
  Ssl* ssl_;
  Bio* bio_;  // Node's write BIO; our own reference after the hand-over; null once OpenSSL has freed it
  std::unique_ptr<RecordLog> record_log_ = std::make_unique<RecordLog>();  // until the hand-over
  uint64_t bytes_counted_ = 0;  // sum over all record headers of header and payload
  uint64_t bytes_counted_reading_ = 0;
  uint64_t records_since_key_ = 0;  // the next record's sequence number
  bool knows_write_key_ = false;
  bool given_up_ = false;
  Secret traffic_secret_;
  std::shared_ptr<SocketQueue> queue_;
  std::unique_ptr<Bio, BioFree> trace_;
};

}  // namespace ktls
