#include "session.h"

#include <utility>

#include "../kernel/tls_record.h"

namespace ktls {

Session::~Session() {
  GiveUp();
  if (bio_ == nullptr) return;
  openssl.BIO_set_callback_ex(bio_, nullptr);
  openssl.BIO_set_callback_arg(bio_, nullptr);
  // Not later than SSL_free: Node's BIO accounts for its memory in an isolate that may be gone after it.
  if (handed_over()) openssl.BIO_free(std::exchange(bio_, nullptr));
}

const char* Session::digest() const {
  return openssl.EVP_MD_get0_name(openssl.SSL_CIPHER_get_handshake_digest(openssl.SSL_get_current_cipher(ssl_)));
}

void Session::RecordHeaderRead(const uint8_t* header) { bytes_counted_reading_ += RecordSize(header); }

void Session::RecordHeaderWritten(const uint8_t* header) {
  bytes_counted_ += RecordSize(header);
  // TLS 1.3's middlebox ChangeCipherSpec is not encrypted and takes no number (RFC 8446, 5). TLS 1.2's comes before the
  // key change that resets the count.
  if (header[0] != kRecordTypeChangeCipherSpec) records_since_key_++;
}

void Session::WriteKeyChanged(const uint8_t* traffic_secret, size_t size) {
  if (given_up_) return;
  traffic_secret_.Wipe();
  knows_write_key_ = size == 0 || traffic_secret_.Set(traffic_secret, size);
  records_since_key_ = 0;
}

void Session::AlertWritten(const uint8_t* alert) {
  queue_->SendControl(kNobody, kRecordTypeAlert, alert, 2, alert[0] == kAlertLevelFatal);
}

void Session::ForbiddenRecordWritten() { queue_->Abort(); }

void Session::SwitchTo(std::shared_ptr<SocketQueue> queue, Bio* nowhere) {
  openssl.BIO_up_ref(bio_);
  openssl.SSL_set0_wbio(ssl_, nowhere);
  // A renegotiation would be written nowhere; this way the peer hears no_renegotiation (RFC 5246, 7.2.2).
  openssl.SSL_set_options(ssl_, kOptionNoRenegotiation);
  queue_ = std::move(queue);
  record_log_.reset();
  GiveUp();
}

void Session::GiveUp() {
  given_up_ = true;
  traffic_secret_.Wipe();
  knows_write_key_ = false;
}

void Session::StartTrace() {
  if (openssl.SSL_trace != nullptr && !trace_) trace_.reset(openssl.BIO_new_fp(stderr, kBioNoClose | kBioText));
}

void Session::Trace(int write_p, int version, int content_type, const void* data, size_t size) {
  if (trace_) openssl.SSL_trace(write_p, version, content_type, data, size, ssl_, trace_.get());
}

void Session::MarkShutdownSent() { openssl.SSL_set_shutdown(ssl_, openssl.SSL_get_shutdown(ssl_) | kSentShutdown); }

}  // namespace ktls
