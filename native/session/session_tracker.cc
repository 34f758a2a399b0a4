#include "session_tracker.h"

#include <cctype>
#include <cstring>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "../kernel/kernel_tls.h"

namespace ktls {

namespace {

constexpr uint8_t kUpdateRequested = 1;  // in a KeyUpdate: RFC 8446, 4.6.3
constexpr size_t kAlertSize = 2;

int ssl_index = -1;          // SSL -> Session*
int ssl_context_index = -1;  // SSL_CTX -> the key log callback that was there before ours

// Trivial types only: SSLs are freed late, when a thread's destructors may have run.
thread_local bool tracking = false;
thread_local Session* sessions = nullptr;
thread_local Ssl* latest_ssl = nullptr;
thread_local Session* looked_up = nullptr;
thread_local const Ssl* logging = nullptr;  // within OnKeyLog

void OnKeyLog(const Ssl* ssl, const char* line);

Session* SessionOf(const Ssl* ssl) { return static_cast<Session*>(openssl.SSL_get_ex_data(ssl, ssl_index)); }

void Link(Session* session) {
  session->next = sessions;
  if (sessions != nullptr) sessions->previous = session;
  sessions = session;
}

void Unlink(Session* session) {
  if (session->previous != nullptr) session->previous->next = session->next;
  if (session->next != nullptr) session->next->previous = session->previous;
  if (sessions == session) sessions = session->next;
}

void Discard(Session* session) {
  Unlink(session);
  const std::unique_ptr<Session> owned(session);
}

long OnBio(Bio* bio, int operation, const char* bytes, size_t, int argi, long, int result, size_t* processed) {
  Session* session = reinterpret_cast<Session*>(openssl.BIO_get_callback_arg(bio));
  if (session == nullptr) return result;
  if (operation == (kBioCallbackWrite | kBioCallbackReturn) && result > 0) {
    if (!session->handed_over()) session->BytesWritten(reinterpret_cast<const uint8_t*>(bytes), *processed);
  } else if (operation == kBioCallbackControl && argi == kBioControlPending) {
    looked_up = session;
  } else if (operation == kBioCallbackFree) {
    session->BioFreed();
  }
  return result;
}

// A session is born with its SSL's first record, before any byte was written; a later one could not be counted.
Session* BirthOf(Ssl* ssl) {
  Bio* bio = openssl.SSL_get_wbio(ssl);
  if (!tracking || bio == nullptr || openssl.BIO_number_written(bio) != 0) return nullptr;
  if (openssl.BIO_get_callback_ex(bio) != nullptr) return nullptr;
  auto session = std::make_unique<Session>(ssl, bio);
  if (openssl.SSL_set_ex_data(ssl, ssl_index, session.get()) != 1) return nullptr;
  openssl.BIO_set_callback_arg(bio, reinterpret_cast<char*>(session.get()));
  openssl.BIO_set_callback_ex(bio, OnBio);
  Link(session.get());
  return session.release();
}

// Node sets its own key log callback on the context each time a 'keylog' listener is added, so ours is put in front of
// it again before the first secret of a handshake is logged.
void ChainKeyLog(SslContext* context) {
  const KeyLogCallback present = openssl.SSL_CTX_get_keylog_callback(context);
  if (present == OnKeyLog) return;
  openssl.SSL_CTX_set_ex_data(context, ssl_context_index, reinterpret_cast<void*>(present));
  openssl.SSL_CTX_set_keylog_callback(context, OnKeyLog);
}

// RFC 8446, 4.6.3; the message's own header is four bytes.
bool IsKeyUpdate(const uint8_t* message, size_t size) { return size == 5 && message[0] == kHandshakeKeyUpdate; }

void OnHandedOverMessage(Session* session, int content_type, const uint8_t* bytes, size_t size) {
  if (content_type == kRecordTypeAlert && size == kAlertSize) {
    session->AlertWritten(bytes);
  } else if (content_type == kRecordTypeHandshake && IsKeyUpdate(bytes, size)) {
    // OpenSSL's answer to an earlier request, which it means to send before it reads the next. The queue sends its own.
  } else if (content_type == kRecordTypeHandshake ||
             (content_type == kContentTypeHeader && bytes[0] == kRecordTypeApplicationData &&
              openssl.SSL_version(session->ssl()) == static_cast<int>(TlsVersion::kTls12)) ||
             (content_type == kContentTypeInner && bytes[0] == kRecordTypeApplicationData)) {
    session->ForbiddenRecordWritten();
  }
}

void OnMessage(int write_p, int version, int content_type, const void* data, size_t size, Ssl* ssl, void*) {
  Session* session = SessionOf(ssl);
  if (session == nullptr) session = BirthOf(ssl);
  if (session == nullptr) return;
  const auto* bytes = static_cast<const uint8_t*>(data);
  if (session->handed_over()) {
    session->Trace(write_p, version, content_type, data, size);
    if (write_p == 1) OnHandedOverMessage(session, content_type, bytes, size);
    if (write_p == 0 && content_type == kRecordTypeHandshake && IsKeyUpdate(bytes, size) &&
        bytes[4] == kUpdateRequested) {
      session->KeyUpdateRequested();
    }
    return;
  }
  if (content_type == kContentTypeHeader && size == kRecordHeaderSize) {
    if (write_p == 1) session->RecordHeaderWritten(bytes);
    if (write_p == 0) session->RecordHeaderRead(bytes);
  } else if (content_type == kRecordTypeHandshake && size > 0 && bytes[0] == kHandshakeServerHello) {
    ChainKeyLog(openssl.SSL_get_SSL_CTX(ssl));
  }
}

uint8_t HexDigit(char digit) { return static_cast<uint8_t>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10); }

// The NSS key log format: LABEL client_random secret. Labels of later TLS 1.3 keys end in _1, _2 and so on (OpenSSL).
void ReadKeyLogLine(Session* session, std::string_view line) {
  if (line.rfind("CLIENT_RANDOM ", 0) == 0) return session->WriteKeyChanged(nullptr, 0);
  const std::string_view own =
      openssl.SSL_is_server(session->ssl()) == 1 ? "SERVER_TRAFFIC_SECRET_" : "CLIENT_TRAFFIC_SECRET_";
  if (line.rfind(own, 0) != 0) return;
  const std::string_view hex = line.substr(line.rfind(' ') + 1);
  uint8_t secret[64];
  const size_t size = hex.size() / 2;
  if (size > sizeof secret) return;
  for (size_t i = 0; i < size; i++) {
    secret[i] = static_cast<uint8_t>(HexDigit(hex[2 * i]) << 4 | HexDigit(hex[2 * i + 1]));
  }
  session->WriteKeyChanged(secret, size);
  openssl.OPENSSL_cleanse(secret, sizeof secret);
}

void OnKeyLog(const Ssl* ssl, const char* line) {
  // Another copy of this addon puts itself in front of ours, as ours does of it, and each calls the one before.
  if (logging == ssl) return;
  Session* session = SessionOf(ssl);
  if (session != nullptr && !session->handed_over()) ReadKeyLogLine(session, line);
  const auto before =
      reinterpret_cast<KeyLogCallback>(openssl.SSL_CTX_get_ex_data(openssl.SSL_get_SSL_CTX(ssl), ssl_context_index));
  if (before == nullptr) return;
  const Ssl* outer = std::exchange(logging, ssl);  // a listener may go on with another session
  before(ssl, line);
  logging = outer;
}

// With OpenSSL 3.5 the SSL has neither context nor method here yet: nothing but the pointer may be used.
void OnNewSsl(void* parent, void*, crypto_ex_data_st*, int, long, void*) { latest_ssl = static_cast<Ssl*>(parent); }

void OnFreeSsl(void* parent, void* pointer, crypto_ex_data_st*, int, long, void*) {
  if (latest_ssl == parent) latest_ssl = nullptr;
  if (pointer == nullptr) return;
  auto* session = static_cast<Session*>(pointer);
  if (looked_up == session) looked_up = nullptr;
  Discard(session);
}

void OnNewSslContext(void* parent, void*, crypto_ex_data_st*, int, long, void*) {
  auto* context = static_cast<SslContext*>(parent);
  openssl.SSL_CTX_set_msg_callback(context, OnMessage);
  openssl.SSL_CTX_set_keylog_callback(context, OnKeyLog);
}

}  // namespace

bool StartTracking() {
  static std::once_flag once;
  std::call_once(once, [] {
    ssl_index = openssl.CRYPTO_get_ex_new_index(kExIndexSsl, 0, nullptr, OnNewSsl, nullptr, OnFreeSsl);
    ssl_context_index =
        openssl.CRYPTO_get_ex_new_index(kExIndexSslContext, 0, nullptr, OnNewSslContext, nullptr, nullptr);
  });
  tracking = ssl_index >= 0 && ssl_context_index >= 0;
  return tracking;
}

void StopTracking() {
  tracking = false;
  for (Session* session = sessions; session != nullptr;) {
    Session* next = session->next;
    if (!session->handed_over()) {
      openssl.SSL_set_ex_data(session->ssl(), ssl_index, nullptr);
      Discard(session);
    }
    session = next;
  }
}

void KeepCallbacks(const Session& session) { openssl.SSL_set_msg_callback(session.ssl(), OnMessage); }

bool AdoptLatestSsl() {
  if (!tracking || latest_ssl == nullptr) return false;
  openssl.SSL_set_msg_callback(latest_ssl, OnMessage);
  ChainKeyLog(openssl.SSL_get_SSL_CTX(latest_ssl));
  return true;
}

void BeginSessionLookup() { looked_up = nullptr; }

Session* EndSessionLookup() { return std::exchange(looked_up, nullptr); }

}  // namespace ktls
