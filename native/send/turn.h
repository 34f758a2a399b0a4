// What passes between a sender's thread and a queue it works off.
#pragma once

#include <cstddef>

#include "item.h"

namespace ktls {

// The most that one socket sends before the others have their turn: 64 full records.
constexpr size_t kBytesPerTurn = 1024 * 1024;

// Why the thread gives the queue a turn.
struct Wake {
  bool writable = false;  // EPOLLOUT
  bool broken = false;    // EPOLLERR or EPOLLHUP
};

struct Turn {
  enum class Next {
    kAgain,  // there is more to do at once
    kWait,   // for an event or for `deadline`, whichever is first
    kDone,   // nothing to do until it is scheduled again
  };
  Next next;
  Clock::time_point deadline{};
};

}  // namespace ktls
