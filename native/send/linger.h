// The lingering close of RFC 9112, section 9.6. What a peer sends to a socket that is closed, TCP answers with a reset,
// and a reset takes from the peer what it was sent and has not read yet. So whoever ends a connection in the middle of
// a peer's sending shuts its own direction down, goes on reading, and closes when the peer has closed.
#pragma once

#include "item.h"
#include "turn.h"

namespace ktls {

class Linger {
 public:
  explicit Linger(Clock::time_point now);

  // Whether our end has been sent and the peer's has not come.
  static bool IsHalfClosed(int socket_fd);

  // Reads and forgets what has come. kDone: the peer has ended or is lost, or it was waited for long enough.
  Turn Continue(int socket_fd, Clock::time_point now);

 private:
  Turn Wait(int socket_fd, Clock::time_point now);

  const Clock::time_point last_;  // however much the peer still reads
  Clock::time_point next_look_;   // whether it has read anything
  int unacknowledged_;            // bytes, at the last look
};

}  // namespace ktls
