// The moment a session's write direction moves from OpenSSL to the kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "../send/sender.h"
#include "session.h"

namespace ktls {

// Everything but kDone leaves the session as it was, with OpenSSL writing.
enum class HandOver : int {
  kDone = 0,
  kSessionNotTracked = 1,
  kSessionInconsistent = 2,  // the counts or the proof disagree: a callback of ours was taken, or a key change missed
  kProofNeeded = 3,          // no short record under the key to come yet: write something through OpenSSL, then retry
  kBusy = 4,                 // OpenSSL's bytes have not all left: wait, then retry
  kSessionNotReady = 5,      // handshake or renegotiation under way
  kSessionEnding = 6,        // close_notify sent, or the connection is not ESTABLISHED
  kProtocolUnsupported = 7,
  kCipherUnsupported = 8,
  kRecordSizeLimited = 9,  // max_fragment_length or setMaxSendFragment(): the kernel writes 16 KiB records
  kUlpRefused = 10,        // `error` is the errno of TCP_ULP: the kernel has no TLS to offer
  kKeysRefused = 11,       // `error` is the errno of TLS_TX: not this version or cipher
  kDescriptorLimit = 12,   // `error` is the errno of the duplication
};

// For sessions handed over later: a key change is due after so many records (internal, lowered by tests). 0: the
// default.
void SetRecordsPerKey(uint64_t records);

struct HandOverResult {
  HandOver status = HandOver::kDone;
  int error = 0;  // positive errno
  std::shared_ptr<SocketQueue> queue;
};

// `finished`: what tlsSocket.getFinished() returns, to be sure that session and socket belong together.
HandOverResult HandOverSession(Session* session, int socket_fd, const uint8_t* finished, size_t finished_size,
                               Sender* sender, std::shared_ptr<CompletionSink> sink);

}  // namespace ktls
