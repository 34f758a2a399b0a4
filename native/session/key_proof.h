// The keys of a session's write direction and the number of its next record, and whether they are the right ones.
#pragma once

#include "../kernel/kernel_tls.h"
#include "session.h"

namespace ktls {

enum class KeyProof {
  kGiven,
  kMissing,  // nothing contradicts them, but no short record under the present key is at hand
  kRefuted,  // counts or keys disagree: a callback of ours was taken, or a key change missed
};

// Two proofs: the counts agree with what OpenSSL wrote, and the last record opens with what the kernel is about to be
// given. Fills in `keys`, of which version and cipher are set; all of it only where the proof is given.
KeyProof ProveKeys(const Session& session, TransmitKeys* keys);

}  // namespace ktls
