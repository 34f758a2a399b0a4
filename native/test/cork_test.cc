// While there is more of a range to come its socket is corked, and for no longer.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <mutex>
#include <optional>
#include <string>

#include "fixtures.h"
#include "hooks.h"
#include "played_disk.h"
#include "test.h"

namespace ktls::test {
namespace {

constexpr size_t kMiB = 1024 * 1024;

bool IsCorked(int socket_fd) {
  int value = 0;
  socklen_t size = sizeof(value);
  return RealCalls().getsockopt(socket_fd, IPPROTO_TCP, TCP_CORK, &value, &size) == 0 && value != 0;
}

// What a queue does to its socket: 'c' corks it, 'u' uncorks it, 's' sends a piece of a file.
class Trace {
 public:
  // With `pieces` they are played: so many go out whole, and then the file has ended.
  explicit Trace(int socket_fd, std::optional<int> pieces = std::nullopt)
      : pieces_(pieces), hooks_(socket_fd, Hooks()) {}
  std::string seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  FdHooks Hooks() {
    FdHooks hooks;
    hooks.setsockopt = [this](int fd, int level, int name, const void* value, socklen_t size) {
      if (level == IPPROTO_TCP && name == TCP_CORK) Add(*static_cast<const int*>(value) ? 'c' : 'u');
      return RealCalls().setsockopt(fd, level, name, value, size);
    };
    hooks.sendfile = [this](int socket_fd, int file_fd, off_t* offset, size_t count) {
      Add('s');
      if (pieces_) return (*pieces_)-- > 0 ? static_cast<ssize_t>(count) : 0;
      return RealCalls().sendfile(socket_fd, file_fd, offset, count);
    };
    return hooks;
  }
  void Add(char what) {
    const std::lock_guard lock(mutex_);
    seen_ += what;
  }

  std::optional<int> pieces_;  // the sender's thread's
  std::mutex mutex_;
  std::string seen_;
  const ScopedFdHooks hooks_;
};

TEST(CorkedWhileFull, "cork: a range that finds the socket full goes on corked, and is uncorked before it completes") {
  const Bytes content = Pattern(8 * kMiB);
  const UniqueFd file = MakeFile(content);
  Subject subject(ConnectTcp(4096, 4096));
  Trace trace(subject.socket_fd);
  EXPECT_EQ(subject.SendRange(1, file, 0, content.size()), kPending);
  subject.WaitUntilFull();
  EXPECT(IsCorked(subject.socket_fd));
  EXPECT(ReadUpTo(subject.connection.far.get(), content.size()) == content);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT(!IsCorked(subject.socket_fd));
  const std::string seen = trace.seen();
  EXPECT_EQ(seen.find('c'), seen.rfind('c'));
  EXPECT_EQ(seen.find('u'), seen.size() - 1);
  EXPECT(seen[0] == 's');
}

TEST(CorkedBetweenCalls, "cork: a range that takes several calls goes on corked even where the socket has room") {
  const UniqueFd file = MakeFile(Pattern(3 * kMiB));
  Subject subject(ConnectPair());
  Trace trace(subject.socket_fd, 3);
  EXPECT_EQ(subject.SendRange(1, file, 0, 3 * kMiB), kPending);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(trace.seen(), std::string("scssu"));
}

TEST(UncorkedForDisk, "cork: what there is goes out before the next piece is waited for") {
  Disk disk(2 * kMiB);
  disk.gate.Open();
  Subject subject(ConnectPair());
  Trace trace(subject.socket_fd, 2);
  EXPECT_EQ(subject.queue->SendRange(1, {disk.Open(), 0, 2 * kMiB, 0}), kPending);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(trace.seen(), std::string("scus"));
}

TEST(UncorkedByFailure, "cork: a file that ends too soon holds nothing back") {
  const UniqueFd file = MakeFile(Pattern(2 * kMiB));
  Subject subject(ConnectPair());
  Trace trace(subject.socket_fd, 1);
  EXPECT_EQ(subject.SendRange(1, file, 0, 2 * kMiB), kPending);
  EXPECT_EQ(subject.sink->OutcomeOf(1), -ENODATA);
  EXPECT_EQ(trace.seen(), std::string("scsu"));
}

TEST(UncorkedByClose, "cork: a queue that is closed in the middle of a range leaves the socket to others uncorked") {
  const UniqueFd file = MakeFile(Pattern(8 * kMiB));
  Subject subject(ConnectTcp(4096, 4096));
  const UniqueFd others = Duplicate(subject.connection.near);
  EXPECT_EQ(subject.SendRange(1, file, 0, 8 * kMiB), kPending);
  subject.WaitUntilFull();
  EXPECT(IsCorked(others.get()));
  EXPECT(subject.queue->Close(2, false));
  EXPECT(!IsCorked(others.get()));
}

TEST(NotCorked, "cork: what fits into the socket is not worth it, and nor are bytes") {
  const UniqueFd file = MakeFile(Pattern(20'000));
  Subject subject(ConnectTcp(kMiB, kMiB));
  Trace trace(subject.socket_fd);
  EXPECT_EQ(subject.SendRangeAtOnce(1, file, 0, 20'000), kComplete);
  EXPECT_EQ(subject.SendRange(2, file, 0, 20'000), kPending);
  EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
  EXPECT_EQ(trace.seen(), std::string("ss"));

  Subject full(ConnectTcp(4096, 4096));
  Trace bytes(full.socket_fd);
  EXPECT_EQ(full.SendBytes(1, Pattern(8 * kMiB)), kPending);
  full.WaitUntilFull();
  EXPECT_EQ(bytes.seen(), std::string());
}

TEST(UncorkedWhenStopped, "cork: a range that is stopped is uncorked, so that its last segment goes out") {
  const UniqueFd file = MakeFile(Pattern(8 * kMiB));
  Subject subject(ConnectTcp(4096, 4096));
  EXPECT_EQ(subject.SendRange(1, file, 0, 8 * kMiB), kPending);
  subject.WaitUntilFull();
  subject.queue->StopRange(1);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT(!IsCorked(subject.socket_fd));
}

}  // namespace
}  // namespace ktls::test
