#include "session.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ktls {

namespace {
constexpr uint8_t kChangeCipherSpec = 20;
constexpr uint8_t kAlertLevelFatal = 2;
}  // namespace

Session::~Session() {
  ForgetSecret();
  if (bio_ == nullptr) return;
  openssl.BIO_set_callback_ex(bio_, nullptr);
  openssl.BIO_set_callback_arg(bio_, nullptr);
  // Not later than SSL_free: Node's BIO accounts for its memory in an isolate that may be gone after it.
  if (handed_over()) openssl.BIO_free(std::exchange(bio_, nullptr));
}

void Session::RecordHeaderWritten(const uint8_t* header) {
  bytes_counted_ += kRecordHeaderSize + (uint64_t{header[3]} << 8 | header[4]);
  // TLS 1.3's middlebox ChangeCipherSpec is not encrypted and takes no number (RFC 8446, 5). TLS 1.2's comes before the
  // key change that resets the count.
  if (header[0] != kChangeCipherSpec) records_since_key_++;
}

void Session::WriteKeyChanged(const uint8_t* traffic_secret, size_t size) {
  ForgetSecret();
  traffic_secret_size_ = std::min(size, traffic_secret_.size());
  if (traffic_secret_size_ > 0) memcpy(traffic_secret_.data(), traffic_secret, traffic_secret_size_);
  key_seen_ = true;
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
  ForgetSecret();
}

void Session::ForgetSecret() {
  openssl.OPENSSL_cleanse(traffic_secret_.data(), traffic_secret_.size());
  traffic_secret_size_ = 0;
  key_seen_ = false;
}

void Session::MarkShutdownSent() {
  openssl.SSL_set_shutdown(ssl_, openssl.SSL_get_shutdown(ssl_) | kSentShutdown);
}

}  // namespace ktls
