// Where a session's next write keys come from.
#pragma once

#include "../kernel/kernel_tls.h"

namespace ktls {

// Belongs to the socket's queue after the hand-over, and is used under its lock.
class KeySource {
 public:
  virtual ~KeySource() = default;
  // The keys that follow those in use, for record number 0 (RFC 8446, 7.2). What they were made from is forgotten.
  // False: they could not be derived; nothing may be sent any more.
  virtual bool Next(TransmitKeys* keys) = 0;
};

}  // namespace ktls
