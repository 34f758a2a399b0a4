// One range and its system calls, each made to fail in its own way.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "../send/sender.h"
#include "fake_kernel_tls.h"
#include "fixtures.h"
#include "hooks.h"
#include "test.h"

namespace ktls::test {
namespace {

constexpr size_t kMiB = 1024 * 1024;

// Answers sendfile's first calls from a list of errors, the rest by the kernel.
struct Sequence {
  explicit Sequence(std::vector<int> errors_) : errors(std::move(errors_)) {}
  ssize_t operator()(int socket_fd, int file_fd, off_t* offset, size_t count) {
    const size_t call = calls++;
    if (call < errors.size() && errors[call]) return FailWith(errors[call]);
    return RealCalls().sendfile(socket_fd, file_fd, offset, count);
  }
  std::vector<int> errors;
  size_t calls = 0;
};

// What a range of a failing sendfile ends with, and the item behind it.
void ExpectFailure(int error) {
  const UniqueFd file = MakeFile(Pattern(4096));
  Subject subject(ConnectPair());
  FdHooks calls;
  calls.sendfile = [error](int, int, off_t*, size_t) { return FailWith(error); };
  const ScopedFdHooks hooks(subject.socket_fd, calls);

  EXPECT_EQ(subject.SendRange(1, file, 0, 4096), kPending);
  EXPECT_EQ(subject.sink->OutcomeOf(1), -error);
  EXPECT_EQ(subject.SendRange(2, file, 0, 4096), -EPIPE);
  EXPECT_EQ(subject.SendBytes(3, Pattern(1)), -EPIPE);
  EXPECT_EQ(subject.queue->bytes_sent(), uint64_t{0});
}

TEST(RangeIsExact, "range: exactly the bytes asked for, from an unaligned offset") {
  const Bytes content = Pattern(100'000);
  const UniqueFd file = MakeFile(content);
  Subject subject(ConnectTcp());
  EXPECT_EQ(subject.SendRange(1, file, 777, 65'537), kPending);
  const Bytes received = ReadUpTo(subject.connection.far.get(), 65'537);
  EXPECT(received == Bytes(content.begin() + 777, content.begin() + 777 + 65'537));
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(subject.sink->all().back().bytes_sent, uint64_t{65'537});
  EXPECT_EQ(subject.queue->bytes_sent(), uint64_t{65'537});
}

// What a sender's thread does about a sendfile that fell short: 's' another, 'w' it waits.
std::string AfterShortSendfile(size_t taken, bool kernel_tls) {
  const UniqueFd file = MakeFile(Pattern(300'000));
  FakeKernelTls tls;
  tls.SetRoom(taken);
  static Sender sender;  // of a thread of its own
  sender.SetThreads(1);
  Subject subject(ConnectPair(), kernel_tls ? std::optional(tls.state()) : std::nullopt, {}, &sender);
  std::mutex mutex;
  std::string seen;
  FdHooks calls = tls.Hooks();
  calls.sendfile = [&, send = calls.sendfile](int socket_fd, int file_fd, off_t* offset, size_t count) {
    const std::lock_guard lock(mutex);
    seen += 's';
    return send(socket_fd, file_fd, offset, count);
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  GlobalHooks global;
  global.before_epoll_wait = [&] {
    const std::lock_guard lock(mutex);
    if (!seen.empty()) seen += 'w';
  };
  {
    const ScopedGlobalHooks scoped(global);
    EXPECT_EQ(subject.SendRange(1, file, 0, 300'000), kPending);
    EXPECT(subject.WaitUntilSent(taken));
    EXPECT(tls.WaitUntilRefused(1));
  }
  tls.SetRoom(1'000'000);
  subject.MakeWritable();
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT(tls.application_data() == Pattern(300'000));
  const std::lock_guard lock(mutex);
  return seen.substr(0, 2);
}

TEST(FellShort, "range: on plain TCP a large sendfile that falls short is believed, and the next one waits") {
  EXPECT(AfterShortSendfile(100'000, false) == "sw");
  EXPECT(AfterShortSendfile(10'000, false) == "ss");  // too little to tell
  EXPECT(AfterShortSendfile(100'000, true) == "ss");
}

TEST(EmptyRange, "range: an empty one makes no system call and completes in its turn") {
  const UniqueFd file = MakeFile({});
  Subject subject(ConnectPair());
  FdHooks calls;
  calls.sendfile = [](int, int, off_t*, size_t) { return FailWith(EIO); };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  EXPECT_EQ(subject.SendRange(1, file, 0, 0), kPending);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
}

TEST(BadRanges, "range: without a file or past the largest offset it is refused") {
  const UniqueFd file = MakeFile({});
  Subject subject(ConnectPair());
  EXPECT_EQ(subject.queue->SendRange(1, {UniqueFd(), 0, 1, 0}), -EBADF);
  EXPECT_EQ(subject.SendRange(1, file, uint64_t{1} << 63, 1), -EINVAL);
  EXPECT_EQ(subject.SendRange(1, file, (uint64_t{1} << 63) - 1, 1), -EINVAL);
  EXPECT(subject.sink->all().empty());
}

TEST(FilePositionIsKept, "range: the file's own position does not move") {
  const UniqueFd file = MakeFile(Pattern(9000));
  system_calls.lseek(file.get(), 42, SEEK_SET);
  Subject subject(ConnectTcp());
  subject.SendRange(1, file, 0, 9000);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(system_calls.lseek(file.get(), 0, SEEK_CUR), off_t{42});
}

TEST(Interrupted, "range: EINTR is tried again at once") {
  const Bytes content = Pattern(5000);
  const UniqueFd file = MakeFile(content);
  Subject subject(ConnectTcp());
  FdHooks calls;
  calls.sendfile = Sequence({EINTR, EINTR, EINTR});
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  subject.SendRange(1, file, 0, 5000);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT(ReadUpTo(subject.connection.far.get(), 5000) == content);
}

TEST(Full, "range: EAGAIN waits for the socket and goes on from the exact byte") {
  const Bytes content = Pattern(8 * kMiB);
  const UniqueFd file = MakeFile(content);
  Subject subject(ConnectTcp(4096, 4096));
  subject.SendRange(1, file, 0, content.size());
  EXPECT(subject.sink->StaysSilent(1));
  EXPECT(ReadUpTo(subject.connection.far.get(), content.size()) == content);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
}

TEST(NoEvent, "range: EAGAIN without any event after it is tried again in about a second") {
  const Bytes content = Pattern(5000);
  const UniqueFd file = MakeFile(content);
  Subject subject(ConnectTcp());
  FdHooks calls;
  // One for the event that entering the epoll set brings.
  calls.sendfile = Sequence({EAGAIN, EAGAIN});
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  subject.SendRange(1, file, 0, 5000);
  EXPECT(subject.sink->StaysSilent(1, std::chrono::milliseconds(300)));
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
}

TEST(EpollRefuses, "range: where epoll takes no more sockets, a timer does") {
  const Bytes content = Pattern(5000);
  const UniqueFd file = MakeFile(content);
  Subject subject(ConnectTcp());
  FdHooks calls;
  calls.sendfile = Sequence({EAGAIN, EAGAIN, EAGAIN});
  calls.epoll_ctl = [](int, int, int, epoll_event*) { return FailWith(ENOSPC); };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  subject.SendRange(1, file, 0, 5000);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
}

TEST(ShortCounts, "range: short counts add up, and no call asks past the end") {
  const Bytes content = Pattern(300'000);
  const UniqueFd file = MakeFile(content);
  std::atomic<bool> asked_too_much{false};
  Subject subject(ConnectTcp());
  FdHooks calls;
  calls.sendfile = [&, step = size_t{1}](int socket_fd, int file_fd, off_t* offset, size_t count) mutable {
    if (static_cast<size_t>(*offset) + count > content.size()) asked_too_much = true;
    step = step * 3 % 20'011;
    return RealCalls().sendfile(socket_fd, file_fd, offset, std::min(count, step));
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  subject.SendRange(1, file, 0, content.size());
  EXPECT(ReadUpTo(subject.connection.far.get(), content.size()) == content);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT(!asked_too_much);
}

TEST(Truncated, "range: a file that ends early is -ENODATA, and says how far it came") {
  const UniqueFd file = MakeFile(Pattern(10'000));
  Subject subject(ConnectTcp());
  subject.SendRange(1, file, 0, 10'001);
  EXPECT_EQ(subject.sink->OutcomeOf(1), -ENODATA);
  EXPECT_EQ(subject.sink->all().back().bytes_sent, uint64_t{10'000});
  EXPECT_EQ(subject.SendRange(2, file, 0, 1), -EPIPE);
}

TEST(BrokenPipe, "range: EPIPE fails the queue") { ExpectFailure(EPIPE); }
TEST(ConnectionReset, "range: ECONNRESET fails the queue") { ExpectFailure(ECONNRESET); }
TEST(ReadError, "range: EIO fails the queue") { ExpectFailure(EIO); }
TEST(Unseekable, "range: ESPIPE fails the queue") { ExpectFailure(ESPIPE); }

TEST(EverythingBehind, "range: items behind a failed one are cancelled, in their order") {
  const UniqueFd file = MakeFile(Pattern(4096));
  Gate gate;
  Subject subject(ConnectPair());
  FdHooks calls;
  calls.sendfile = [&](int, int, off_t*, size_t) {
    gate.Pass();
    return FailWith(EIO);
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  subject.SendRange(1, file, 0, 4096);
  subject.SendBytes(2, Pattern(10));
  subject.SendRange(3, file, 0, 4096);
  gate.Open();
  EXPECT_EQ(subject.sink->OutcomeOf(3), -ECANCELED);
  EXPECT_EQ(subject.sink->OutcomeOf(2), -ECANCELED);
  EXPECT_EQ(subject.sink->OutcomeOf(1), -EIO);
  EXPECT(subject.sink->Order() == (std::vector<ItemId>{1, 2, 3}));
}

void ExpectReading(int error) {
  const Bytes content = Pattern(3 * kMiB);
  const UniqueFd file = MakeFile(content);
  Subject subject(ConnectTcp(8192, 8192));
  FdHooks calls;
  // The first 100,000 bytes by sendfile, then never again: plain TCP has no open record.
  calls.sendfile = [error](int socket_fd, int file_fd, off_t* offset, size_t count) -> ssize_t {
    if (*offset >= 100'000) return FailWith(error);
    return RealCalls().sendfile(socket_fd, file_fd, offset,
                                std::min<size_t>(count, 100'000 - static_cast<size_t>(*offset)));
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  subject.SendRange(1, file, 0, content.size());
  EXPECT(ReadUpTo(subject.connection.far.get(), content.size()) == content);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(subject.queue->bytes_sent(), uint64_t{content.size()});
}

TEST(NoSendfileEinval, "range: after EINVAL it is read, from the exact byte") { ExpectReading(EINVAL); }
TEST(NoSendfileEnosys, "range: after ENOSYS it is read, from the exact byte") { ExpectReading(ENOSYS); }
TEST(NoSendfileEnotsup, "range: after ENOTSUP it is read, from the exact byte") { ExpectReading(ENOTSUP); }

TEST(ReadingFails, "range: errors, EINTR and the early end of pread are those of sendfile") {
  for (const int error : {EIO, ESPIPE, ENODATA}) {
    const UniqueFd file = MakeFile(Pattern(200'000));
    Subject subject(ConnectTcp());
    FdHooks socket_calls;
    socket_calls.sendfile = [](int, int, off_t*, size_t) { return FailWith(EINVAL); };
    const ScopedFdHooks socket_hooks(subject.socket_fd, socket_calls);
    UniqueFd transfer = Duplicate(file);
    FdHooks file_calls;
    file_calls.pread = [error, interrupted = false](int fd, void* buffer, size_t count,
                                                    off_t offset) mutable -> ssize_t {
      if (!std::exchange(interrupted, true)) return FailWith(EINTR);
      if (offset < 65'536) return RealCalls().pread(fd, buffer, count, offset);
      return error == ENODATA ? 0 : FailWith(error);
    };
    const ScopedFdHooks file_hooks(transfer.get(), file_calls);
    subject.queue->SendRange(1, {std::move(transfer), 0, 200'000, 0});
    EXPECT_EQ(subject.sink->OutcomeOf(1), -error);
    EXPECT_EQ(subject.sink->all().back().bytes_sent, uint64_t{65'536});
  }
}

TEST(ReadingOverTls, "range: on kernel TLS it is read if no record can be open") {
  const Bytes content = Pattern(100'000);
  const UniqueFd file = MakeFile(content);
  FakeKernelTls tls;
  Subject subject(ConnectPair(), tls.state());
  FdHooks calls = tls.Hooks();
  calls.sendfile = [](int, int, off_t*, size_t) { return FailWith(EINVAL); };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  subject.SendRange(1, file, 0, content.size());
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT(tls.application_data() == content);
  EXPECT_EQ(tls.offence(), std::string());
}

TEST(OpenRecord, "range: on kernel TLS a record may be open after a short sendfile, and then EINVAL is the end") {
  const UniqueFd file = MakeFile(Pattern(100'000));
  FakeKernelTls tls;
  Subject subject(ConnectPair(), tls.state());
  FdHooks calls = tls.Hooks();
  calls.sendfile = [&, real = calls.sendfile](int socket_fd, int file_fd, off_t* offset, size_t count) -> ssize_t {
    if (*offset > 0) return FailWith(EINVAL);
    tls.SetRoom(20'000);
    const ssize_t taken = real(socket_fd, file_fd, offset, count);
    tls.SetRoom(1'000'000);
    return taken;
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  subject.SendRange(1, file, 0, 100'000);
  EXPECT_EQ(subject.sink->OutcomeOf(1), -EINVAL);
  EXPECT_EQ(tls.offence(), std::string());
}

TEST(HugeRange, "range: beyond 2 GiB and beyond 4 GiB, in bounded calls") {
  constexpr uint64_t kSize = 5'000'000'001;
  const UniqueFd file = MakeFile({});
  std::atomic<uint64_t> next{0};
  std::atomic<size_t> largest{0};
  std::atomic<bool> in_order{true};
  Subject subject(ConnectPair());
  FdHooks calls;
  calls.sendfile = [&](int, int, off_t* offset, size_t count) {
    if (static_cast<uint64_t>(*offset) != next) in_order = false;
    next += count;
    largest = std::max(largest.load(), count);
    return static_cast<ssize_t>(count);
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  subject.SendRange(1, file, 0, kSize);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT(in_order);
  EXPECT_EQ(next.load(), kSize);
  EXPECT(largest <= kMiB);
  EXPECT_EQ(subject.sink->all().back().bytes_sent, kSize);
}

TEST(Progress, "range: progress is told at most as often as wished, and only if asked for") {
  const UniqueFd file = MakeFile({});
  Subject subject(ConnectPair());
  FdHooks calls;
  calls.sendfile = [](int, int, off_t*, size_t count) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return static_cast<ssize_t>(count);
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  const auto begin = std::chrono::steady_clock::now();
  subject.SendRange(1, file, 0, 40 * kMiB, 50);
  subject.SendRange(2, file, 0, 10 * kMiB);
  EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
  uint64_t last = 0;
  int reports = 0;
  for (const Completion& completion : subject.sink->all()) {
    if (completion.outcome != static_cast<int32_t>(Outcome::kProgress)) continue;
    EXPECT_EQ(completion.item, ItemId{1});
    EXPECT(completion.bytes_sent > last);
    last = completion.bytes_sent;
    ++reports;
  }
  EXPECT(reports >= 1);
  EXPECT(reports <= (std::chrono::steady_clock::now() - begin) / std::chrono::milliseconds(50));
}

TEST(LastProgress, "range: progress is told of a range that advances and then stands still, once") {
  const UniqueFd file = MakeFile({});
  Subject subject(ConnectPair());
  std::atomic<bool> is_first = true;
  FdHooks calls;
  calls.sendfile = [&](int, int, off_t*, size_t) {
    return is_first.exchange(false) ? ssize_t{1000} : FailWith(EAGAIN);
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  subject.SendRange(1, file, 0, kMiB, 20);
  REQUIRE(subject.sink->WaitForCount(1));
  EXPECT(subject.sink->StaysSilent(1, std::chrono::milliseconds(200)));
  const auto completions = subject.sink->all();
  REQUIRE(completions.size() == 1);
  EXPECT_EQ(completions[0].outcome, static_cast<int32_t>(Outcome::kProgress));
  EXPECT_EQ(completions[0].bytes_sent, uint64_t{1000});
}

}  // namespace
}  // namespace ktls::test
