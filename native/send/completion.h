// What the sender tells about an item, and to whom.
#pragma once

#include <cstdint>

namespace ktls {

using ItemId = uint32_t;  // chosen by the caller, unique among the caller's live items

constexpr ItemId kNobody = 0;  // of items whose end nobody waits for; sinks drop it

enum class Outcome : int32_t {
  kComplete = 0,  // the last byte was accepted by TCP (acceptance.h)
  kProgress = 1,  // of a range: bytes so far; more will come
  kReleased = 2,  // of a queue whose Close() returned false: its descriptor is closed now
  kKeySpent = 3,  // of a queue: its write key should protect no more, and cannot be changed (WatchKey)
  // Otherwise a negative errno: the item failed, and with it all that were behind it. -ENODATA: the file ended early.
};

struct Completion {
  ItemId item;
  int32_t outcome;      // Outcome, or -errno
  uint64_t bytes_sent;  // plaintext of this item taken by the kernel so far
};

// Where completions go: of one queue one at a time and in order. Deliver is called on the sender's thread or on
// the queue's owner's, without any queue's lock held; it must not block.
class CompletionSink {
 public:
  virtual ~CompletionSink() = default;
  virtual void Deliver(const Completion& completion) = 0;
};

}  // namespace ktls
