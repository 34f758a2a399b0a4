// Ranges that are sent on the thread that submits them.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <thread>

#include "fake_kernel_tls.h"
#include "fake_keys.h"
#include "fixtures.h"
#include "hooks.h"
#include "test.h"

namespace ktls::test {
namespace {

constexpr size_t kKiB = 1024;

TEST(AtOnce, "range at once: it is complete when the call returns, and nobody is told again") {
  const Bytes content = Pattern(100'000);
  const UniqueFd file = MakeFile(content);
  Subject subject(ConnectTcp(1'000'000, 1'000'000));
  EXPECT_EQ(subject.SendRangeAtOnce(1, file, 777, 65'537), kComplete);
  EXPECT(ReadUpTo(subject.connection.far.get(), 65'537) == Bytes(content.begin() + 777, content.begin() + 66'314));
  EXPECT_EQ(subject.queue->bytes_sent(), uint64_t{65'537});
  EXPECT(subject.sink->StaysSilent(1));
  const off_t own_offset = system_calls.lseek(file.get(), 0, SEEK_CUR);
  EXPECT_EQ(subject.SendRangeAtOnce(2, file, 0, 0), kComplete);
  EXPECT_EQ(system_calls.lseek(file.get(), 0, SEEK_CUR), own_offset);
}

TEST(AtOnceHere, "range at once: by this thread; of a file that may have to be waited for by the sender's") {
  const UniqueFd file = MakeFile(Pattern(200 * kKiB));
  // Not in memory; a filter of system calls does not let it be asked. The file is in tmpfs, which does not say.
  for (const int error : {0, EOPNOTSUPP, EAGAIN, ENOSYS, EPERM}) {
    const bool in_memory = error == 0 || error == EOPNOTSUPP;
    Subject subject(ConnectTcp(1'000'000, 1'000'000));
    std::thread::id sent_by;
    FdHooks calls;
    calls.sendfile = [&](int socket_fd, int file_fd, off_t* offset, size_t count) {
      sent_by = std::this_thread::get_id();
      return RealCalls().sendfile(socket_fd, file_fd, offset, count);
    };
    const ScopedFdHooks hooks(subject.socket_fd, calls);
    UniqueFd duplicate = Duplicate(file);
    FdHooks on_file;
    // Only a byte in the middle has to be waited for.
    on_file.peek = [&](int, off_t offset) -> ssize_t { return error && offset == 64 * kKiB ? FailWith(error) : 1; };
    const ScopedFdHooks file_hooks(duplicate.get(), on_file);
    const int submitted = subject.queue->SendRange(1, {std::move(duplicate), 0, 200 * kKiB, 0, true});
    EXPECT_EQ(submitted, in_memory ? kComplete : kPending);
    if (!in_memory) EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
    EXPECT_EQ(sent_by == std::this_thread::get_id(), in_memory);
  }
}

TEST(AtOnceDisk, "range at once: a file system with a disk that does not say is one that may have to be waited for") {
  UniqueFd program(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  struct statfs system {};
  EXPECT_EQ(::fstatfs(program.get(), &system), 0);
  if (system.f_type == TMPFS_MAGIC) return Skip("this program is in tmpfs");
  FdHooks on_file;
  on_file.peek = [](int, off_t) { return FailWith(EOPNOTSUPP); };
  const ScopedFdHooks file_hooks(program.get(), on_file);
  Subject subject(ConnectTcp(1'000'000, 1'000'000));
  EXPECT_EQ(subject.queue->SendRange(1, {std::move(program), 0, 1000, 0, true}), kPending);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
}

TEST(AtOncePart, "range at once: what the socket does not take follows when it has room, in order and counted once") {
  const Bytes content = Pattern(300 * kKiB);
  const UniqueFd file = MakeFile(content);
  Subject subject(ConnectTcp(8192, 8192));
  EXPECT_EQ(subject.SendRangeAtOnce(1, file, 0, content.size()), kPending);
  EXPECT_EQ(subject.SendBytes(2, Pattern(100, 7)), kPending);
  Bytes wanted = content;
  const Bytes tail = Pattern(100, 7);
  wanted.insert(wanted.end(), tail.begin(), tail.end());
  EXPECT(ReadUpTo(subject.connection.far.get(), wanted.size()) == wanted);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(subject.sink->all().front().bytes_sent, uint64_t{content.size()});
  EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
}

TEST(AtOnceBehind, "range at once: not before what waits already") {
  const Bytes content = Pattern(1000);
  const UniqueFd file = MakeFile(content);
  FakeKernelTls tls;
  tls.SetRoom(0);
  Subject subject(ConnectPair(), tls.state());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  EXPECT_EQ(subject.SendBytes(1, Pattern(50, 3)), kPending);
  EXPECT_EQ(subject.SendRangeAtOnce(2, file, 0, 1000), kPending);
  EXPECT_EQ(tls.wire_bytes(), uint64_t{0});
  tls.SetRoom(100'000);
  subject.MakeWritable();
  EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
  Bytes wanted = Pattern(50, 3);
  wanted.insert(wanted.end(), content.begin(), content.end());
  EXPECT(tls.application_data() == wanted);
}

TEST(AtOnceParked, "range at once: complete only when TCP has accepted its last record") {
  const UniqueFd file = MakeFile(Pattern(20'000));
  FakeKernelTls tls;
  tls.SetAccepting(false);
  Subject subject(ConnectPair(), tls.state());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  EXPECT_EQ(subject.SendRangeAtOnce(1, file, 0, 20'000), kPending);
  EXPECT_EQ(tls.wire_bytes(), uint64_t{20'044});
  tls.Accept(20'043);
  EXPECT(subject.sink->StaysSilent(1));
  tls.Accept(1);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
}

TEST(AtOnceKeyDue, "range at once: not under a key that is to be changed") {
  const UniqueFd file = MakeFile(Pattern(1000));
  FakeKernelTls tls;
  Subject subject(ConnectPair(), tls.state(), ChangeableKeys());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  subject.queue->RequestKeyUpdate();
  EXPECT_EQ(subject.SendRangeAtOnce(1, file, 0, 1000), kPending);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(tls.rekeys(), 1);
}

TEST(AtOnceFails, "range at once: a failure is told through the sink, and nothing follows") {
  const UniqueFd file = MakeFile(Pattern(1000));
  {
    Subject subject(ConnectPair());
    EXPECT_EQ(subject.SendRangeAtOnce(1, file, 0, 1001), kPending);  // truncated
    EXPECT_EQ(subject.sink->OutcomeOf(1), -ENODATA);
    EXPECT_EQ(subject.sink->all().front().bytes_sent, uint64_t{1000});
    EXPECT_EQ(subject.SendBytes(2, Pattern(1)), -EPIPE);
  }
  for (const int error : {ECONNRESET, ENOMEM, EPIPE}) {  // ENOMEM: not to be taken for a refusal
    Subject subject(ConnectPair());
    FdHooks calls;
    calls.sendfile = [error](int, int, off_t*, size_t) { return FailWith(error); };
    const ScopedFdHooks hooks(subject.socket_fd, calls);
    EXPECT_EQ(subject.SendRangeAtOnce(1, file, 0, 1000), kPending);
    EXPECT_EQ(subject.sink->OutcomeOf(1), -error);
    EXPECT_EQ(subject.SendRangeAtOnce(2, file, 0, 1000), -EPIPE);
  }
}

}  // namespace
}  // namespace ktls::test
