// Counts what every session of this thread writes, from its first byte, by OpenSSL's own callbacks.
//
// Ways in: a context made after StartTracking() carries our callbacks and passes them to each SSL made from it. An SSL
// from an older context gets them from AdoptLatestSsl(), which must run before that SSL has processed a byte.
// OpenSSL's ex_data indexes are for the whole process, so the callbacks run on every thread; a thread that has not
// called StartTracking() makes no sessions.
#pragma once

#include "session.h"

namespace ktls {

// False: OpenSSL gave no ex_data index. May be called again after StopTracking().
bool StartTracking();

// Forgets every session of this thread that was not handed over, secrets wiped.
void StopTracking();

// Sets the callbacks on the SSL that this thread made last, and on its context. False: there was none.
bool AdoptLatestSsl();

// For a session that was handed over: puts our message callback where another may be, since what OpenSSL then means to
// send is told to nobody else.
void KeepCallbacks(const Session& session);

// Between these two calls the caller has Node ask the socket's BIO how much it holds (the TLS handle's writeQueueSize);
// the session whose BIO was asked is the answer, null when it is not tracked.
void BeginSessionLookup();
Session* EndSessionLookup();

}  // namespace ktls
