// The sender's threads: fair, silent when idle, deaf to signals, and missed softly where they cannot be started.
#include "../send/sender.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "fake_kernel_tls.h"
#include "fixtures.h"
#include "hooks.h"
#include "test.h"

namespace ktls::test {
namespace {

using std::chrono::milliseconds;

constexpr size_t kMiB = 1024 * 1024;

std::shared_ptr<SocketQueue> OpenOn(Sender* sender, const Connection& connection, std::shared_ptr<RecordingSink> sink) {
  return SocketQueue::Open(sender, Duplicate(connection.near), std::nullopt, {}, std::move(sink));
}

int SendOneRange(const std::shared_ptr<SocketQueue>& queue, ItemId item, const UniqueFd& file, uint64_t length) {
  return queue->SendRange(item, {Duplicate(file), 0, length, 0});
}

TEST(IdleIsFree, "sender: idle and waiting queues cost no turn") {
  const UniqueFd file = MakeFile(Pattern(8'000'000));
  std::vector<std::unique_ptr<Subject>> subjects;
  for (ItemId i = 0; i < 20; ++i) {
    subjects.push_back(std::make_unique<Subject>(ConnectTcp(8192, 8192)));
    // Half of them have sent all they have, half wait for a reader that does not read.
    subjects.back()->SendRange(1, file, 0, i % 2 ? 8'000'000 : 1000);
    if (i % 2 == 0) EXPECT_EQ(subjects.back()->sink->OutcomeOf(1), 0);
  }
  std::this_thread::sleep_for(milliseconds(100));

  std::atomic<int> rounds{0};
  GlobalHooks hooks;
  hooks.before_epoll_wait = [&] { ++rounds; };
  const ScopedGlobalHooks scoped(hooks);
  std::this_thread::sleep_for(milliseconds(400));
  EXPECT(rounds < 100);  // stalled sockets are looked at once a second
}

TEST(TurnsAreBounded, "sender: two sockets that always have room take turns of a mebibyte") {
  const UniqueFd file = MakeFile({});
  std::mutex mutex;
  std::vector<int> turns;  // by socket
  Gate gate;
  Subject first(ConnectPair()), second(ConnectPair());
  FdHooks calls;
  calls.sendfile = [&](int socket_fd, int, off_t* offset, size_t count) {
    if (*offset == 0 && socket_fd == first.socket_fd) gate.Pass();  // until both have work
    const std::lock_guard lock(mutex);
    turns.push_back(socket_fd);
    return static_cast<ssize_t>(count);
  };
  const ScopedFdHooks first_hooks(first.socket_fd, calls), second_hooks(second.socket_fd, calls);
  first.SendRange(1, file, 0, 16 * kMiB);
  second.SendRange(1, file, 0, 16 * kMiB);
  gate.Open();
  EXPECT_EQ(first.sink->OutcomeOf(1), 0);
  EXPECT_EQ(second.sink->OutcomeOf(1), 0);
  const std::lock_guard lock(mutex);
  REQUIRE(turns.size() == 32);
  for (size_t i = 2; i + 2 < turns.size(); ++i) EXPECT(turns[i] != turns[i - 1]);
}

TEST(RoomIsSeenAtOnce, "sender: a socket that gets room waits for at most two turns of one that always has it") {
  const UniqueFd file = MakeFile({});
  Subject busy(ConnectPair()), full(ConnectPair());
  constexpr int kTurnOfRoom = 100;
  std::atomic<int> turns{0};
  std::atomic<int> turns_before_full_sent{-1};
  Gate gate;
  FdHooks of_busy, of_full;
  of_busy.sendfile = [&](int, int, off_t*, size_t count) {
    if (turns == 0) gate.Pass();  // until both have work
    if (++turns == kTurnOfRoom) full.MakeWritable();
    return static_cast<ssize_t>(count);
  };
  of_full.sendfile = [&](int, int, off_t*, size_t count) {
    if (turns < kTurnOfRoom) return static_cast<ssize_t>(FailWith(EAGAIN));
    turns_before_full_sent = turns.load();
    return static_cast<ssize_t>(count);
  };
  const ScopedFdHooks busy_hooks(busy.socket_fd, of_busy), full_hooks(full.socket_fd, of_full);
  busy.SendRange(1, file, 0, 2 * kTurnOfRoom * kMiB);
  full.SendRange(1, file, 0, 1000);
  gate.Open();
  EXPECT_EQ(full.sink->OutcomeOf(1), 0);
  EXPECT_EQ(busy.sink->OutcomeOf(1), 0);
  EXPECT(turns_before_full_sent - kTurnOfRoom <= 2);
}

TEST(SmallItemsCount, "sender: a thousand tiny items are more than one turn") {
  const UniqueFd file = MakeFile({});
  std::atomic<int> sent_by_first{0};
  std::atomic<int> sent_before_second{-1};
  Gate gate;
  Subject first(ConnectPair()), second(ConnectPair());
  FdHooks first_calls, second_calls;
  first_calls.sendfile = [&](int, int, off_t*, size_t count) {
    gate.Pass();
    ++sent_by_first;
    return static_cast<ssize_t>(count);
  };
  second_calls.sendfile = [&](int, int, off_t*, size_t count) {
    sent_before_second = sent_by_first.load();
    return static_cast<ssize_t>(count);
  };
  const ScopedFdHooks first_hooks(first.socket_fd, first_calls), second_hooks(second.socket_fd, second_calls);
  for (ItemId item = 0; item < 1000; ++item) first.SendRange(item, file, 0, 1);
  second.SendRange(1, file, 0, 1);
  gate.Open();
  EXPECT_EQ(second.sink->OutcomeOf(1), 0);
  EXPECT_EQ(first.sink->OutcomeOf(999), 0);
  EXPECT(sent_before_second < 1000);
}

TEST(HeldStallsOthersOnlyHere, "sender: with more threads, a file that does not answer stalls only its own") {
  static Sender sender;
  sender.SetThreads(4);
  const UniqueFd file = MakeFile(Pattern(1000));
  Gate gate;
  std::vector<Connection> connections;
  std::vector<std::shared_ptr<SocketQueue>> queues;
  const auto sink = std::make_shared<RecordingSink>();
  for (int i = 0; i < 4; ++i) connections.push_back(ConnectTcp());
  UniqueFd duplicate = Duplicate(connections[0].near);
  FdHooks calls;
  calls.sendfile = [&](int socket_fd, int file_fd, off_t* offset, size_t count) {
    gate.Pass();
    return RealCalls().sendfile(socket_fd, file_fd, offset, count);
  };
  const ScopedFdHooks hooks(duplicate.get(), calls);
  queues.push_back(SocketQueue::Open(&sender, std::move(duplicate), std::nullopt, {}, sink));
  for (size_t i = 1; i < 4; ++i) queues.push_back(OpenOn(&sender, connections[i], sink));
  for (ItemId i = 0; i < 4; ++i) EXPECT_EQ(SendOneRange(queues[i], i, file, 1000), kPending);
  for (ItemId i = 1; i < 4; ++i) EXPECT_EQ(sink->OutcomeOf(i), 0);
  EXPECT(sink->StaysSilent(0));
  gate.Open();
  EXPECT_EQ(sink->OutcomeOf(0), 0);
}

TEST(NoThread, "sender: where no thread can be started the submission fails, nothing is sent, and later it works") {
  static Sender sender;
  const UniqueFd file = MakeFile(Pattern(1000));
  const Connection connection = ConnectTcp();
  const auto sink = std::make_shared<RecordingSink>();
  const auto queue = OpenOn(&sender, connection, sink);
  const iovec bytes{const_cast<char*>("x"), 1};
  {
    GlobalHooks hooks;
    hooks.create_thread = [](pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) { return EAGAIN; };
    const ScopedGlobalHooks scoped(hooks);
    EXPECT_EQ(SendOneRange(queue, 1, file, 1000), -EAGAIN);
    EXPECT_EQ(queue->SendBytes(2, &bytes, 1), -EAGAIN);
  }
  {
    GlobalHooks hooks;
    hooks.epoll_create = [] { return FailWith(EMFILE); };
    const ScopedGlobalHooks scoped(hooks);
    EXPECT_EQ(SendOneRange(queue, 3, file, 1000), -EMFILE);
  }
  {
    GlobalHooks hooks;
    hooks.event_fd = [] { return FailWith(ENFILE); };
    const ScopedGlobalHooks scoped(hooks);
    EXPECT_EQ(SendOneRange(queue, 4, file, 1000), -ENFILE);
  }
  EXPECT(sink->all().empty());
  EXPECT_EQ(queue->bytes_sent(), uint64_t{0});
  EXPECT_EQ(SendOneRange(queue, 5, file, 1000), kPending);
  EXPECT_EQ(sink->OutcomeOf(5), 0);

  // One that runs stands in for those that cannot be started.
  sender.SetThreads(8);
  GlobalHooks hooks;
  hooks.create_thread = [](pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) { return EAGAIN; };
  const ScopedGlobalHooks scoped(hooks);
  for (ItemId item = 10; item < 20; ++item) {
    const auto other = OpenOn(&sender, connection, sink);
    EXPECT_EQ(SendOneRange(other, item, file, 10), kPending);
    EXPECT_EQ(sink->OutcomeOf(item), 0);
  }
}

TEST(NoDescriptor, "sender: a duplicate that could not be made (EMFILE) is refused as no file") {
  rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  const UniqueFd file = MakeFile(Pattern(10));
  Subject subject(ConnectTcp());
  const rlimit none{0, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  UniqueFd duplicate = Duplicate(file);
  const int error = errno;
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT(!duplicate.is_open());
  EXPECT(error == EMFILE || error == EINVAL);  // fcntl(2): EINVAL where the limit is 0
  EXPECT_EQ(subject.queue->SendRange(1, {std::move(duplicate), 0, 10, 0}), -EBADF);
  EXPECT_EQ(subject.SendRange(2, file, 0, 10), kPending);
  EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
}

TEST(ThreadsAreDeaf, "sender: its threads have a name and block all signals; the caller's mask is untouched") {
  const UniqueFd file = MakeFile(Pattern(100));
  sigset_t before, after;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  std::atomic<bool> all_blocked{true};
  std::atomic<bool> named{false};
  Subject subject(ConnectTcp());
  FdHooks calls;
  calls.sendfile = [&](int socket_fd, int file_fd, off_t* offset, size_t count) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    for (const int signal : {SIGINT, SIGTERM, SIGPIPE, SIGUSR1, SIGCHLD, SIGPROF, SIGALRM}) {
      if (!sigismember(&mask, signal)) all_blocked = false;
    }
    char name[16] = "";
    pthread_getname_np(pthread_self(), name, sizeof(name));
    named = strcmp(name, "ktls-sender") == 0;
    return RealCalls().sendfile(socket_fd, file_fd, offset, count);
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  subject.SendRange(1, file, 0, 100);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT(all_blocked);
  EXPECT(named);
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  EXPECT_EQ(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
  EXPECT_EQ(sigismember(&after, SIGPIPE), 0);
}

std::atomic<int> pipe_signals{0};

TEST(NoSigpipe, "sender: a peer that is gone raises no SIGPIPE, neither from sendfile nor from send") {
  struct sigaction before, count;
  count = {};
  count.sa_handler = [](int) { ++pipe_signals; };
  sigaction(SIGPIPE, &count, &before);
  const UniqueFd file = MakeFile(Pattern(100));
  {
    Subject subject(ConnectPair());
    subject.connection.far.Reset();
    subject.SendRange(1, file, 0, 100);
    EXPECT_EQ(subject.sink->OutcomeOf(1), -EPIPE);
  }
  {
    Subject subject(ConnectPair());
    subject.connection.far.Reset();
    EXPECT_EQ(subject.SendBytes(1, Pattern(10)), -EPIPE);
  }
  EXPECT_EQ(pipe_signals.load(), 0);
  sigaction(SIGPIPE, &before, nullptr);
}

// Whether the reader was left the error. It is not if a sendfile was under way when the reset arrived.
bool ResetAndRead() {
  const UniqueFd file = MakeFile(Pattern(1'000'000));
  Subject subject(ConnectTcp(8192, 8192));
  subject.SendRange(1, file, 0, 1'000'000);
  subject.WaitUntilFull();
  const linger reset{1, 0};
  system_calls.setsockopt(subject.connection.far.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  subject.connection.far.Reset();
  EXPECT_EQ(subject.sink->OutcomeOf(1), -ECONNRESET);
  uint8_t byte;
  return system_calls.read(subject.connection.near.get(), &byte, 1) < 0 && errno == ECONNRESET;
}

TEST(PeerResets, "sender: a reset while a range waits fails it, and leaves the error for the reader") {
  int left_to_reader = 0;
  for (int i = 0; i < 5; ++i) left_to_reader += ResetAndRead() ? 1 : 0;
  EXPECT(left_to_reader >= 3);
}

TEST(ManySubmitters, "sender: several owners at once, each with its own queues") {
  const UniqueFd file = MakeFile(Pattern(3000));
  std::vector<std::thread> owners;
  for (int owner = 0; owner < 4; ++owner) {
    owners.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        Subject subject(ConnectTcp());
        subject.SendRange(1, file, 0, 3000);
        subject.SendBytes(2, Pattern(10));
        subject.SendRange(3, file, 0, 1000);
        if (round % 3 == 0) continue;  // closed with everything in flight
        EXPECT_EQ(subject.sink->OutcomeOf(3), 0);
        EXPECT_EQ(ReadUpTo(subject.connection.far.get(), 4010).size(), size_t{4010});
      }
    });
  }
  for (std::thread& owner : owners) owner.join();
}

}  // namespace
}  // namespace ktls::test
