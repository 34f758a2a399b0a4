// OpenSSL's public functions as found in the running process, so that one binary serves every Node: official builds
// re-export them from the executable, distribution builds link libssl. No OpenSSL header is needed to build; the
// declarations below are of the 3.x ABI (openssl.org/docs, man3), which is stable from 3.0 on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

extern "C" {
struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_cipher_st;
struct bio_st;
struct bio_method_st;
struct crypto_ex_data_st;
struct evp_md_st;
struct evp_cipher_st;
struct evp_cipher_ctx_st;
struct evp_kdf_st;
struct evp_kdf_ctx_st;
struct ossl_lib_ctx_st;

// man3/OSSL_PARAM
struct ossl_param_st {
  const char* key;
  unsigned int data_type;
  void* data;
  size_t data_size;
  size_t return_size;
};
}

namespace ktls {

using Ssl = ssl_st;
using SslContext = ssl_ctx_st;
using Bio = bio_st;

using MessageCallback = void (*)(int write_p, int version, int content_type, const void* bytes, size_t size, Ssl* ssl,
                                 void* argument);
using KeyLogCallback = void (*)(const Ssl* ssl, const char* line);
using BioCallback = long (*)(Bio* bio, int operation, const char* bytes, size_t size, int argi, long argl, int result,
                             size_t* processed);
using ExNew = void (*)(void* parent, void* pointer, crypto_ex_data_st* data, int index, long argl, void* argp);
using ExDup = int (*)(crypto_ex_data_st* to, const crypto_ex_data_st* from, void** pointer, int index, long argl,
                      void* argp);
using ExFree = void (*)(void* parent, void* pointer, crypto_ex_data_st* data, int index, long argl, void* argp);

// Constants of OpenSSL 3.x headers.
constexpr int kExIndexSsl = 0;                                  // CRYPTO_EX_INDEX_SSL
constexpr int kExIndexSslContext = 1;                           // CRYPTO_EX_INDEX_SSL_CTX
constexpr int kContentTypeHeader = 0x100;                       // SSL3_RT_HEADER
constexpr int kContentTypeInner = 0x101;                        // SSL3_RT_INNER_CONTENT_TYPE
constexpr int kBioCallbackFree = 0x01;                          // BIO_CB_FREE
constexpr int kBioCallbackWrite = 0x03;                         // BIO_CB_WRITE
constexpr int kBioCallbackControl = 0x06;                       // BIO_CB_CTRL
constexpr int kBioCallbackReturn = 0x80;                        // BIO_CB_RETURN
constexpr int kBioControlPending = 10;                          // BIO_CTRL_PENDING
constexpr int kSentShutdown = 1;                                // SSL_SENT_SHUTDOWN
constexpr int kControlSetSplitSendFragment = 125;               // SSL_CTRL_SET_SPLIT_SEND_FRAGMENT
constexpr int kBioNoClose = 0;                                  // BIO_NOCLOSE
constexpr int kBioText = 0x10;                                  // BIO_FP_TEXT
constexpr int kKeyUpdateNone = -1;                              // SSL_KEY_UPDATE_NONE
constexpr uint64_t kOptionNoRenegotiation = uint64_t{1} << 30;  // SSL_OP_NO_RENEGOTIATION
constexpr int kCipherControlSetTag = 0x11;                      // EVP_CTRL_AEAD_SET_TAG
constexpr unsigned kParamUtf8String = 4;                        // OSSL_PARAM_UTF8_STRING
constexpr unsigned kParamOctetString = 5;                       // OSSL_PARAM_OCTET_STRING

// name, result, parameters. Those of libcrypto suffice for key derivation; the rest come from libssl.
#define KTLS_LIBCRYPTO_FUNCTIONS(F)                                                                             \
  F(OpenSSL_version_num, unsigned long, (void))                                                                 \
  F(OPENSSL_cleanse, void, (void*, size_t))                                                                     \
  F(CRYPTO_get_ex_new_index, int, (int, long, void*, ExNew, ExDup, ExFree))                                     \
  F(BIO_new, Bio*, (const bio_method_st*))                                                                      \
  F(BIO_s_null, const bio_method_st*, (void))                                                                   \
  F(BIO_up_ref, int, (Bio*))                                                                                    \
  F(BIO_free, int, (Bio*))                                                                                      \
  F(BIO_ctrl_pending, size_t, (Bio*))                                                                           \
  F(BIO_number_written, uint64_t, (Bio*))                                                                       \
  F(BIO_number_read, uint64_t, (Bio*))                                                                          \
  F(BIO_new_fp, Bio*, (FILE*, int))                                                                             \
  F(BIO_set_callback_ex, void, (Bio*, BioCallback))                                                             \
  F(BIO_get_callback_ex, BioCallback, (const Bio*))                                                             \
  F(BIO_set_callback_arg, void, (Bio*, char*))                                                                  \
  F(BIO_get_callback_arg, char*, (const Bio*))                                                                  \
  F(EVP_aes_128_gcm, const evp_cipher_st*, (void))                                                              \
  F(EVP_aes_256_gcm, const evp_cipher_st*, (void))                                                              \
  F(EVP_chacha20_poly1305, const evp_cipher_st*, (void))                                                        \
  F(EVP_CIPHER_CTX_new, evp_cipher_ctx_st*, (void))                                                             \
  F(EVP_CIPHER_CTX_free, void, (evp_cipher_ctx_st*))                                                            \
  F(EVP_CIPHER_CTX_ctrl, int, (evp_cipher_ctx_st*, int, int, void*))                                            \
  F(EVP_DecryptInit_ex, int, (evp_cipher_ctx_st*, const evp_cipher_st*, void*, const uint8_t*, const uint8_t*)) \
  F(EVP_DecryptUpdate, int, (evp_cipher_ctx_st*, uint8_t*, int*, const uint8_t*, int))                          \
  F(EVP_DecryptFinal_ex, int, (evp_cipher_ctx_st*, uint8_t*, int*))                                             \
  F(EVP_KDF_fetch, evp_kdf_st*, (ossl_lib_ctx_st*, const char*, const char*))                                   \
  F(EVP_KDF_CTX_new, evp_kdf_ctx_st*, (evp_kdf_st*))                                                            \
  F(EVP_KDF_CTX_free, void, (evp_kdf_ctx_st*))                                                                  \
  F(EVP_KDF_derive, int, (evp_kdf_ctx_st*, uint8_t*, size_t, const ossl_param_st*))                             \
  F(EVP_MD_get0_name, const char*, (const evp_md_st*))

#define KTLS_LIBSSL_FUNCTIONS(F)                                                   \
  F(SSL_CTX_set_msg_callback, void, (SslContext*, MessageCallback))                \
  F(SSL_set_msg_callback, void, (Ssl*, MessageCallback))                           \
  F(SSL_CTX_set_keylog_callback, void, (SslContext*, KeyLogCallback))              \
  F(SSL_CTX_get_keylog_callback, KeyLogCallback, (const SslContext*))              \
  F(SSL_CTX_set_ex_data, int, (SslContext*, int, void*))                           \
  F(SSL_CTX_get_ex_data, void*, (const SslContext*, int))                          \
  F(SSL_set_ex_data, int, (Ssl*, int, void*))                                      \
  F(SSL_get_ex_data, void*, (const Ssl*, int))                                     \
  F(SSL_get_SSL_CTX, SslContext*, (const Ssl*))                                    \
  F(SSL_get_rbio, Bio*, (const Ssl*))                                              \
  F(SSL_get_wbio, Bio*, (const Ssl*))                                              \
  F(SSL_ctrl, long, (Ssl*, int, long, void*))                                      \
  F(SSL_set0_wbio, void, (Ssl*, Bio*))                                             \
  F(SSL_is_init_finished, int, (const Ssl*))                                       \
  F(SSL_is_server, int, (const Ssl*))                                              \
  F(SSL_version, int, (const Ssl*))                                                \
  F(SSL_renegotiate_pending, int, (const Ssl*))                                    \
  F(SSL_get_key_update_type, int, (const Ssl*))                                    \
  F(SSL_get_shutdown, int, (const Ssl*))                                           \
  F(SSL_set_shutdown, void, (Ssl*, int))                                           \
  F(SSL_set_options, uint64_t, (Ssl*, uint64_t))                                   \
  F(SSL_get_finished, size_t, (const Ssl*, void*, size_t))                         \
  F(SSL_get_current_cipher, const ssl_cipher_st*, (const Ssl*))                    \
  F(SSL_CIPHER_get_cipher_nid, int, (const ssl_cipher_st*))                        \
  F(SSL_CIPHER_get_handshake_digest, const evp_md_st*, (const ssl_cipher_st*))     \
  F(SSL_get_session, ssl_session_st*, (const Ssl*))                                \
  F(SSL_SESSION_get_master_key, size_t, (const ssl_session_st*, uint8_t*, size_t)) \
  F(SSL_SESSION_get_max_fragment_length, uint8_t, (const ssl_session_st*))         \
  F(SSL_get_client_random, size_t, (const Ssl*, uint8_t*, size_t))                 \
  F(SSL_get_server_random, size_t, (const Ssl*, uint8_t*, size_t))

// Left out of some builds (no-ssl-trace), which can do without.
#define KTLS_OPTIONAL_LIBSSL_FUNCTIONS(F) F(SSL_trace, void, (int, int, int, const void*, size_t, Ssl*, void*))

struct OpenSslApi {
#define KTLS_MEMBER(name, result, parameters) result(*name) parameters = nullptr;
  KTLS_LIBCRYPTO_FUNCTIONS(KTLS_MEMBER)
  KTLS_LIBSSL_FUNCTIONS(KTLS_MEMBER)
  KTLS_OPTIONAL_LIBSSL_FUNCTIONS(KTLS_MEMBER)
#undef KTLS_MEMBER
};

// All pointers but the optional are set once Load*() has said that nothing is missing; before that, none may be called.
extern OpenSslApi openssl;

using FindSymbol = void* (*)(const char* name);

// Looks everything up in the process. The names that were not found; empty means usable. Safe to call again.
const std::vector<std::string>& LoadOpenSslFromProcess();

// The libcrypto part only, through a finder of the caller's (the native test program, which has no Node around it).
std::vector<std::string> LoadLibcrypto(FindSymbol find);

}  // namespace ktls
