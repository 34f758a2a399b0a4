// A connection that is closed since its key is spent, while its peer may still be sending: the peer gets all that it
// was sent, and is not waited for without end.
#include "../send/linger.h"

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "fixtures.h"
#include "hooks.h"
#include "test.h"

namespace ktls::test {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr ItemId kReleaseItem = 1000;

// More than the peer's receive buffer holds, less than the kernel takes at once.
constexpr size_t kTail = 200'000;

// A queue whose response is written and not yet read.
struct Written {
  explicit Written(bool key_is_spent = true) : subject(ConnectTcp(4 * kTail, 4096)) {
    EXPECT_EQ(subject.SendBytes(1, content), kComplete);
    if (key_is_spent) subject.queue->RequestKeyUpdate();
  }

  void ShutDown() { EXPECT_EQ(shutdown(subject.connection.near.get(), SHUT_WR), 0); }
  // As the owner does: the queue, then its own descriptor.
  void Close(bool for_reset = false) {
    EXPECT(subject.queue->Close(kReleaseItem, for_reset));
    subject.connection.near.Reset();
  }
  // More from the peer, which has not heard of the end.
  void PeerSends() {
    const Bytes bytes = Pattern(1000);
    EXPECT_EQ(send(far(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  int far() const { return subject.connection.far.get(); }

  const Bytes content = Pattern(kTail);
  Subject subject;
};

TEST(LingerKeepsTail, "linger: a peer that goes on sending reads everything, then the socket is closed") {
  Written written;
  written.PeerSends();  // is there before the close
  written.ShutDown();
  written.Close();
  for (int i = 0; i < 20; ++i) written.PeerSends();
  EXPECT(ReadToEnd(written.far()) == written.content);
  EXPECT(IsOpen(written.subject.socket_fd));
  written.PeerSends();
  written.subject.connection.far.Reset();
  EXPECT(ClosesInTime(written.subject.socket_fd));
  EXPECT(written.subject.sink->StaysSilent(kReleaseItem));
}

TEST(LingerForOwner, "linger: for its owner the queue is closed") {
  Written written;
  written.ShutDown();
  written.Close();
  EXPECT_EQ(written.subject.SendBytes(2, Pattern(10)), -EPIPE);
  EXPECT(written.subject.queue->Close(kReleaseItem, false));
  EXPECT(IsOpen(written.subject.socket_fd));
}

TEST(LingerNot, "linger: not with a good key, nor before the end was sent, nor for a reset") {
  Written good(false), not_shut_down, reset;
  good.ShutDown();
  reset.ShutDown();
  good.Close();
  not_shut_down.Close();
  reset.Close(true);
  for (const Written* written : {&good, &not_shut_down, &reset}) EXPECT(!IsOpen(written->subject.socket_fd));
}

TEST(LingerBothEnded, "linger: not when the peer has ended as well") {
  Subject subject(ConnectTcp());
  EXPECT_EQ(subject.SendBytes(1, Pattern(10)), kComplete);
  subject.queue->RequestKeyUpdate();
  shutdown(subject.connection.near.get(), SHUT_WR);
  EXPECT_EQ(ReadToEnd(subject.connection.far.get()).size(), size_t{10});
  subject.connection.far.Reset();
  EXPECT(EndsWithin(subject.connection.near.get(), std::chrono::milliseconds(5000)));
  EXPECT(subject.queue->Close(kReleaseItem, false));
  EXPECT(!IsOpen(subject.socket_fd));
}

TEST(LingerReset, "linger: a peer that resets the connection is let go") {
  Written written;
  written.ShutDown();
  written.Close();
  const linger now{1, 0};
  setsockopt(written.far(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  written.subject.connection.far.Reset();
  EXPECT(ClosesInTime(written.subject.socket_fd));
}

TEST(LingerUnwatched, "linger: without a place in the epoll set the socket is closed") {
  Written written;
  written.ShutDown();
  FdHooks calls;
  calls.epoll_ctl = [](int, int, int, epoll_event*) { return FailWith(ENOSPC); };
  const ScopedFdHooks hooks(written.subject.socket_fd, calls);
  written.Close();
  EXPECT(ClosesInTime(written.subject.socket_fd));
}

TEST(LingerErrors, "linger: an interrupted read is repeated, any other error is the end") {
  const Clock::time_point now = Clock::now();
  for (const int error : {ECONNRESET, ETIMEDOUT, EPIPE, ENOMEM, ENOTCONN}) {
    Connection connection = ConnectTcp();
    int calls_made = 0;
    FdHooks calls;
    calls.discard = [&](int, size_t) { return FailWith(++calls_made <= 2 ? EINTR : error); };
    const ScopedFdHooks hooks(connection.near.get(), calls);
    EXPECT(Linger(now).Continue(connection.near.get(), now).next == Turn::Next::kDone);
    EXPECT_EQ(calls_made, 3);
  }
}

TEST(LingerFlood, "linger: a peer that sends without end gets turns like others, for five minutes") {
  Connection connection = ConnectTcp();
  FdHooks calls;
  calls.discard = [](int, size_t count) { return static_cast<ssize_t>(count); };
  const ScopedFdHooks hooks(connection.near.get(), calls);
  const Clock::time_point now = Clock::now();
  Linger linger(now);
  EXPECT(linger.Continue(connection.near.get(), now).next == Turn::Next::kAgain);
  EXPECT(linger.Continue(connection.near.get(), now + minutes(5)).next == Turn::Next::kDone);
}

TEST(LingerTime, "linger: for as long as the peer reads, and five seconds more, and five minutes at most") {
  Connection connection = ConnectTcp();
  int unacknowledged = 1'000'000;
  int error = 0;
  FdHooks calls;
  calls.bytes_in_send_queue = [&](int, int* bytes) {
    *bytes = unacknowledged;
    return error ? FailWith(error) : 0;
  };
  const int fd = connection.near.get();
  const ScopedFdHooks hooks(fd, calls);
  const Clock::time_point begin = Clock::now();

  Linger linger(begin);
  const Turn first = linger.Continue(fd, begin);
  EXPECT(first.next == Turn::Next::kWait);
  EXPECT(first.deadline == begin + seconds(5));
  for (int second = 5; second < 300; second += 5) {
    unacknowledged -= 1000;
    const Turn turn = linger.Continue(fd, begin + seconds(second));
    EXPECT(turn.next == Turn::Next::kWait);
    EXPECT(turn.deadline == begin + seconds(second + 5));
  }
  unacknowledged -= 1000;
  EXPECT(linger.Continue(fd, begin + minutes(5)).next == Turn::Next::kDone);

  Linger idle(begin);
  EXPECT(idle.Continue(fd, begin + seconds(5)).next == Turn::Next::kWait);
  EXPECT(idle.Continue(fd, begin + seconds(9)).next == Turn::Next::kWait);
  EXPECT(idle.Continue(fd, begin + seconds(10)).next == Turn::Next::kDone);

  Linger failing(begin);
  error = EINVAL;
  EXPECT(failing.Continue(fd, begin + seconds(5)).next == Turn::Next::kDone);
}

}  // namespace
}  // namespace ktls::test
