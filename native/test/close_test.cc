// Ends: closing while a thread is inside a system call, aborting.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "../send/sender.h"
#include "fake_kernel_tls.h"
#include "fixtures.h"
#include "hooks.h"
#include "test.h"

namespace ktls::test {
namespace {

using std::chrono::milliseconds;

constexpr ItemId kReleaseItem = 1000;
constexpr auto kReleased = static_cast<int32_t>(Outcome::kReleased);

// A range whose sendfile is held inside the kernel, as by a file on a disk that does not answer.
struct Held {
  explicit Held(Connection connection) : subject(std::move(connection)) {
    FdHooks calls;
    calls.sendfile = [this](int socket_fd, int file_fd, off_t* offset, size_t count) {
      gate.Pass();
      return RealCalls().sendfile(socket_fd, file_fd, offset, count);
    };
    calls.shutdown = [this](int fd, int how) {
      ++shutdowns;
      return RealCalls().shutdown(fd, how);
    };
    hooks = std::make_unique<ScopedFdHooks>(subject.socket_fd, calls);
    subject.SendRange(1, file, 0, content.size());
    subject.SendBytes(2, Pattern(100));
    subject.SendRange(3, file, 0, content.size());
    EXPECT(gate.WaitForArrival());
  }
  ~Held() { gate.Open(); }

  const Bytes content = Pattern(50'000);
  const UniqueFd file = MakeFile(content);
  Gate gate;
  std::atomic<int> shutdowns{0};
  Subject subject;
  std::unique_ptr<ScopedFdHooks> hooks;
};

void ExpectAllCancelled(RecordingSink* sink) {
  for (const ItemId item : {1u, 2u, 3u}) EXPECT_EQ(sink->OutcomeOf(item), -ECANCELED);
}

TEST(CloseIdle, "close: an idle queue is closed at once, and only once") {
  Subject subject(ConnectTcp());
  EXPECT_EQ(subject.SendBytes(1, Pattern(10)), kComplete);
  EXPECT(subject.queue->Close(kReleaseItem, false));
  EXPECT(!IsOpen(subject.socket_fd));
  EXPECT(subject.queue->Close(kReleaseItem, false));
  EXPECT_EQ(subject.SendBytes(2, Pattern(10)), -EPIPE);
  EXPECT(subject.sink->StaysSilent(kReleaseItem));
}

TEST(CloseBlocked, "close: a queue that waits for room is closed at once and sends nothing more") {
  const UniqueFd file = MakeFile(Pattern(8'000'000));
  Subject subject(ConnectTcp(8192, 8192));
  subject.SendRange(1, file, 0, 8'000'000);
  subject.SendBytes(2, Pattern(100));
  subject.WaitUntilFull();
  const uint64_t sent = subject.queue->bytes_sent();
  EXPECT(sent > 0);
  EXPECT(subject.queue->Close(kReleaseItem, false));
  EXPECT(!IsOpen(subject.socket_fd));
  EXPECT(subject.sink->Order() == (std::vector<ItemId>{1, 2}));
  EXPECT_EQ(subject.sink->OutcomeOf(1), -ECANCELED);
  subject.connection.near.Reset();
  EXPECT_EQ(ReadToEnd(subject.connection.far.get()).size(), size_t{sent});
}

TEST(LeavesEpoll, "close: a watched socket leaves the epoll set while its descriptor is open") {
  const UniqueFd file = MakeFile(Pattern(8'000'000));
  std::atomic<int> added{0}, removed{0};
  Subject subject(ConnectTcp(8192, 8192));
  FdHooks calls;
  calls.epoll_ctl = [&](int epoll_fd, int operation, int fd, epoll_event* event) {
    const int result = RealCalls().epoll_ctl(epoll_fd, operation, fd, event);
    if (result == 0) ++(operation == EPOLL_CTL_ADD ? added : removed);
    return result;
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  subject.SendRange(1, file, 0, 8'000'000);
  subject.WaitUntilFull();
  EXPECT_EQ(added.load(), 1);
  EXPECT(subject.queue->Close(kReleaseItem, false));
  EXPECT_EQ(removed.load(), 1);
}

TEST(CloseHeld, "close: while sendfile is held, the peer hears of it at once, and nothing holds the connection") {
  Held held(ConnectTcp());
  Subject& subject = held.subject;
  EXPECT(subject.queue->Close(kReleaseItem, false));
  EXPECT(subject.queue->Close(kReleaseItem, false));
  ExpectAllCancelled(subject.sink.get());
  EXPECT(EndsWithin(subject.connection.far.get(), milliseconds(5000)));
  EXPECT_EQ(held.shutdowns.load(), 1);
  EXPECT(IsOpen(subject.socket_fd));  // not the connection any more
  int type = 0;
  socklen_t size = sizeof(type);
  EXPECT_EQ(system_calls.getsockopt(subject.socket_fd, SOL_SOCKET, SO_TYPE, &type, &size), -1);
  held.gate.Open();
  EXPECT(ClosesInTime(subject.socket_fd));
  EXPECT_EQ(ReadToEnd(subject.connection.far.get()).size(), size_t{0});
  EXPECT_EQ(subject.sink->all().size(), size_t{3});
}

TEST(ResetHeld, "close: while the thread is held before its sendfile, the owner's reset reaches the peer at once") {
  Held held(ConnectTcp());
  Subject& subject = held.subject;
  EXPECT(subject.queue->Close(kReleaseItem, true));
  ExpectAllCancelled(subject.sink.get());
  EXPECT(!EndsWithin(subject.connection.far.get(), milliseconds(50)));
  const linger abort_connection{1, 0};
  EXPECT_EQ(system_calls.setsockopt(subject.connection.near.get(), SOL_SOCKET, SO_LINGER, &abort_connection,
                                    sizeof(abort_connection)),
            0);
  subject.connection.near.Reset();
  uint8_t byte;
  EXPECT_EQ(system_calls.read(subject.connection.far.get(), &byte, 1), ssize_t{-1});
  EXPECT_EQ(errno, ECONNRESET);
  EXPECT_EQ(held.shutdowns.load(), 0);
  held.gate.Open();
  EXPECT(ClosesInTime(subject.socket_fd));
}

TEST(CloseHeldWithoutDescriptors, "close: without a spare descriptor the thread's own is waited for") {
  Held held(ConnectTcp());
  const Subject& subject = held.subject;
  GlobalHooks none;
  none.epoll_create = [] { return FailWith(EMFILE); };
  const ScopedGlobalHooks exhausted(none);
  EXPECT(!subject.queue->Close(kReleaseItem, false));
  EXPECT(!subject.queue->Close(kReleaseItem, false));
  ExpectAllCancelled(subject.sink.get());
  EXPECT(EndsWithin(subject.connection.far.get(), milliseconds(5000)));
  EXPECT(IsOpen(subject.socket_fd));
  EXPECT(subject.sink->StaysSilent(kReleaseItem));
  EXPECT_EQ(held.shutdowns.load(), 1);
  held.gate.Open();
  EXPECT_EQ(subject.sink->OutcomeOf(kReleaseItem), kReleased);
  EXPECT(!IsOpen(subject.socket_fd));
  EXPECT_EQ(subject.sink->all().size(), size_t{4});
}

TEST(CloseForReset, "close: for a reset, too") {
  Held held(ConnectTcp());
  Subject& subject = held.subject;
  GlobalHooks none;
  none.epoll_create = [] { return FailWith(EMFILE); };
  const ScopedGlobalHooks exhausted(none);
  EXPECT(!subject.queue->Close(kReleaseItem, true));
  ExpectAllCancelled(subject.sink.get());
  EXPECT(!EndsWithin(subject.connection.far.get(), milliseconds(50)));
  held.gate.Open();
  EXPECT_EQ(subject.sink->OutcomeOf(kReleaseItem), kReleased);
  EXPECT_EQ(held.shutdowns.load(), 0);
  EXPECT(!IsOpen(subject.socket_fd));
  // Now the owner's close is the last one, and resets.
  const linger abort_connection{1, 0};
  EXPECT_EQ(system_calls.setsockopt(subject.connection.near.get(), SOL_SOCKET, SO_LINGER, &abort_connection,
                                    sizeof(abort_connection)),
            0);
  ReadUpTo(subject.connection.far.get(), held.content.size());
  subject.connection.near.Reset();
  uint8_t byte;
  EXPECT_EQ(system_calls.read(subject.connection.far.get(), &byte, 1), ssize_t{-1});
  EXPECT_EQ(errno, ECONNRESET);
}

TEST(CloseParked, "close: what kernel TLS took and TCP did not is cancelled, too") {
  FakeKernelTls tls;
  tls.SetAccepting(false);
  Subject subject(ConnectPair(), tls.state());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  EXPECT_EQ(subject.SendBytes(1, Pattern(100)), kPending);
  EXPECT(subject.sink->StaysSilent(1));
  EXPECT(subject.queue->Close(kReleaseItem, false));
  EXPECT_EQ(subject.sink->OutcomeOf(1), -ECANCELED);
  EXPECT_EQ(subject.sink->all().size(), size_t{1});
}

TEST(Dropped, "close: a queue that is dropped finishes what it has and closes its descriptor") {
  const Bytes content = Pattern(3'000'000);
  const UniqueFd file = MakeFile(content);
  Connection connection = ConnectTcp(8192, 8192);
  const auto sink = std::make_shared<RecordingSink>();
  UniqueFd duplicate = Duplicate(connection.near);
  const int socket_fd = duplicate.get();
  auto queue = SocketQueue::Open(&Sender::Instance(), std::move(duplicate), std::nullopt, {}, sink);
  queue->SendRange(1, {Duplicate(file), 0, content.size(), 0});
  queue.reset();
  EXPECT(ReadUpTo(connection.far.get(), content.size()) == content);
  EXPECT_EQ(sink->OutcomeOf(1), 0);
  for (int i = 0; i < 1000 && IsOpen(socket_fd); ++i) std::this_thread::sleep_for(milliseconds(1));
  EXPECT(!IsOpen(socket_fd));
}

TEST(ReusedNumber, "close: an event for a closed socket does not reach the one that has its number now") {
  const UniqueFd file = MakeFile(Pattern(8'000'000));
  for (int i = 0; i < 50; ++i) {
    Subject first(ConnectTcp(8192, 8192));
    first.SendRange(1, file, 0, 8'000'000);
    std::this_thread::sleep_for(std::chrono::microseconds(i * 20));
    first.queue->Close(kReleaseItem, false);
    Subject second(ConnectTcp(8192, 8192));
    second.SendRange(1, file, 0, 4096);
    const uint64_t sent = first.queue->bytes_sent();
    ReadUpTo(first.connection.far.get(), sent);  // makes room: an event, if anybody still listens
    EXPECT_EQ(second.sink->OutcomeOf(1), 0);
    EXPECT_EQ(second.queue->bytes_sent(), uint64_t{4096});
  }
}

TEST(AbortIdle, "abort: nothing more is accepted, and the connection is shut down") {
  Subject subject(ConnectTcp());
  subject.queue->Abort();
  EXPECT(EndsWithin(subject.connection.far.get(), milliseconds(5000)));
  EXPECT_EQ(subject.SendBytes(1, Pattern(1)), -EPIPE);
  EXPECT(IsOpen(subject.socket_fd));
  subject.queue->Abort();
  EXPECT(subject.queue->Close(kReleaseItem, false));
  EXPECT(!IsOpen(subject.socket_fd));
}

TEST(AbortHeld, "abort: while sendfile is held, items fail once, and Close is still to come") {
  Held held(ConnectTcp());
  const Subject& subject = held.subject;
  subject.queue->Abort();
  EXPECT(EndsWithin(subject.connection.far.get(), milliseconds(5000)));
  EXPECT(subject.queue->Close(kReleaseItem, false));
  held.gate.Open();
  EXPECT(subject.sink->Order() == (std::vector<ItemId>{1, 2, 3}));
  for (const ItemId item : {1u, 2u, 3u}) EXPECT_EQ(subject.sink->OutcomeOf(item), -EPROTO);
  EXPECT(ClosesInTime(subject.socket_fd));
}

TEST(AbortThenLetGo, "abort: a thread that lets go leaves the descriptor to Close") {
  Held held(ConnectTcp());
  const Subject& subject = held.subject;
  subject.queue->Abort();
  held.gate.Open();
  EXPECT_EQ(subject.sink->OutcomeOf(3), -EPROTO);
  EXPECT(subject.queue->Close(kReleaseItem, false));
  EXPECT(ClosesInTime(subject.socket_fd));
}

TEST(ChildHoldsNothing, "close: a child spawned meanwhile does not hold the connection open") {
  const UniqueFd file = MakeFile(Pattern(8'000'000));
  Subject subject(ConnectTcp(8192, 8192));
  subject.SendRange(1, file, 0, 8'000'000);
  subject.WaitUntilFull();
  pid_t child;
  char name[] = "sleep", time[] = "60";
  char* arguments[] = {name, time, nullptr};
  char* environment[] = {nullptr};
  REQUIRE(posix_spawnp(&child, name, nullptr, nullptr, arguments, environment) == 0);
  subject.queue->Close(kReleaseItem, false);
  subject.connection.near.Reset();
  EXPECT(EndsWithin(subject.connection.far.get(), milliseconds(10'000)));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace ktls::test
