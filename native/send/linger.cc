#include "linger.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "../kernel/kernel_tls.h"
#include "../kernel/system_calls.h"

namespace ktls {

namespace {

// A peer that acknowledges nothing for so long does not read; and one that reads by drops is let go at the end. The
// kernel itself keeps a closed socket for about as long.
constexpr std::chrono::seconds kLook{5};
constexpr std::chrono::minutes kLongest{5};

}  // namespace

Linger::Linger(Clock::time_point now) : last_(now + kLongest), next_look_(now + kLook), unacknowledged_(INT_MAX) {}

bool Linger::IsHalfClosed(int socket_fd) {
  uint64_t bytes_accepted;
  uint8_t state;
  return ReadBytesAcceptedAtLeast(socket_fd, &bytes_accepted, &state) == 0 &&
         (state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2);
}

Turn Linger::Continue(int socket_fd, Clock::time_point now) {
  for (size_t forgotten = 0; forgotten < kBytesPerTurn;) {
    const ssize_t size = system_calls.discard(socket_fd, kBytesPerTurn - forgotten);
    if (size > 0) {
      forgotten += static_cast<size_t>(size);
    } else if (size == 0 || errno != EINTR) {
      return size < 0 && errno == EAGAIN ? Wait(socket_fd, now) : Turn{Turn::Next::kDone};
    }
  }
  return {now < last_ ? Turn::Next::kAgain : Turn::Next::kDone};
}

Turn Linger::Wait(int socket_fd, Clock::time_point now) {
  if (now >= next_look_) {
    int bytes = 0;
    const bool reads = system_calls.bytes_in_send_queue(socket_fd, &bytes) == 0 && bytes < unacknowledged_;
    if (!reads || now >= last_) return {Turn::Next::kDone};
    unacknowledged_ = bytes;
    next_look_ = now + kLook;
  }
  return {Turn::Next::kWait, std::min(next_look_, last_)};
}

}  // namespace ktls
