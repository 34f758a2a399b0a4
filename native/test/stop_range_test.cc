// A range that is stopped: it completes where it is, and what is behind it follows from there.
#include <atomic>
#include <cerrno>
#include <chrono>

#include "fake_kernel_tls.h"
#include "fixtures.h"
#include "hooks.h"
#include "test.h"

namespace ktls::test {
namespace {

constexpr size_t kMiB = 1024 * 1024;

// What a range that is stopped on kernel TLS sends after `room` bytes, and what is sent behind it.
void ExpectStoppedAt(size_t room, size_t end, bool at_once = false) {
  const Bytes content = Pattern(300'000);
  const UniqueFd file = MakeFile(content);
  FakeKernelTls tls;
  tls.SetRoom(room);
  Subject subject(ConnectPair(), tls.state());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  if (at_once) {
    EXPECT_EQ(subject.SendRangeAtOnce(1, file, 0, content.size()), kPending);
  } else {
    EXPECT_EQ(subject.SendRange(1, file, 0, content.size()), kPending);
  }
  EXPECT(subject.WaitUntilSent(room));
  EXPECT(tls.WaitUntilFull());
  subject.queue->StopRange(1);
  if (end > room) {
    EXPECT(tls.WaitUntilRefused(3));  // the byte that closes the record is tried at once
    EXPECT(subject.sink->StaysSilent(1));
    tls.SetRoom(kMiB);
    subject.MakeWritable();
  }
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(subject.sink->all().back().bytes_sent, uint64_t{end});
  tls.SetRoom(kMiB);
  subject.MakeWritable();
  EXPECT_EQ(subject.SendRange(2, file, end, 1000), kPending);
  EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
  EXPECT(tls.application_data() == Bytes(content.begin(), content.begin() + static_cast<ptrdiff_t>(end) + 1000));
  EXPECT_EQ(tls.offence(), std::string());
}

TEST(StoppedWithOpenRecord, "stop: on kernel TLS a byte more closes the record, when there is room for it") {
  ExpectStoppedAt(100'000, 100'001);
}

TEST(StoppedAtRecordEnd, "stop: where a record may be open, also if the last one was full") {
  ExpectStoppedAt(6 * 16'384, 6 * 16'384 + 1);
}

TEST(StoppedAfterAtOnce, "stop: a range that the owner's thread has begun") { ExpectStoppedAt(100'000, 100'001, true); }

// A full socket is tried again after a second, whoever forgets to say that nothing needs room any more.
TEST(StoppedSoon, "stop: it is not waited for until the socket is tried again") {
  const UniqueFd file = MakeFile(Pattern(8 * kMiB));
  bool is_soon = false;
  for (int i = 0; i < 5 && !is_soon; ++i) {
    Subject subject(ConnectTcp(4096, 4096));
    EXPECT_EQ(subject.SendRange(1, file, 0, 8 * kMiB), kPending);
    subject.WaitUntilFull();
    subject.queue->StopRange(1);
    is_soon = subject.sink->WaitFor(1, std::chrono::milliseconds(500)).has_value();
  }
  EXPECT(is_soon);
}

TEST(StoppedFull, "stop: on plain TCP no room is waited for") {
  const Bytes content = Pattern(8 * kMiB);
  const UniqueFd file = MakeFile(content);
  Subject subject(ConnectTcp(4096, 4096));
  EXPECT_EQ(subject.SendRange(1, file, 0, content.size()), kPending);
  subject.WaitUntilFull();
  subject.queue->StopRange(1);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);  // before anything is read
  const auto sent = static_cast<size_t>(subject.sink->all().back().bytes_sent);
  EXPECT_EQ(subject.queue->bytes_sent(), uint64_t{sent});
  EXPECT(sent > 0 && sent < content.size());
  EXPECT_EQ(subject.SendRange(2, file, sent, 100'000), kPending);
  EXPECT(ReadUpTo(subject.connection.far.get(), sent + 100'000) ==
         Bytes(content.begin(), content.begin() + static_cast<ptrdiff_t>(sent) + 100'000));
  EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
}

// A range that is stopped while its first call is under way, which then answers: it was the last, and its bytes count.
void ExpectStoppedInside(ssize_t (*answer)(), uint64_t sent) {
  const UniqueFd file = MakeFile(Pattern(3 * kMiB));
  Gate gate;
  std::atomic<int> sendfiles{0};
  Subject subject(ConnectPair());
  FdHooks calls;
  calls.sendfile = [&](int, int, off_t*, size_t) {
    ++sendfiles;
    gate.Pass();
    return answer();
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  EXPECT_EQ(subject.SendRange(1, file, 0, 3 * kMiB), kPending);
  REQUIRE(gate.WaitForArrival());
  subject.queue->StopRange(1);
  EXPECT(subject.sink->StaysSilent(1));
  gate.Open();
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(subject.sink->all().back().bytes_sent, sent);
  EXPECT_EQ(subject.queue->bytes_sent(), sent);
  EXPECT_EQ(sendfiles.load(), 1);
}

TEST(StoppedInside, "stop: what the call under way sends counts, and no other follows") {
  ExpectStoppedInside([] { return ssize_t{70'000}; }, 70'000);
}

TEST(StoppedFullInside, "stop: a call under way that finds the socket full was the last all the same") {
  ExpectStoppedInside([] { return ssize_t{FailWith(EAGAIN)}; }, 0);
}

TEST(FailsInside, "stop: a call under way that fails is told as ever") {
  const UniqueFd file = MakeFile(Pattern(1000));
  Gate gate;
  Subject subject(ConnectPair());
  FdHooks calls;
  calls.sendfile = [&](int, int, off_t*, size_t) {
    gate.Pass();
    return FailWith(EIO);
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  EXPECT_EQ(subject.SendRange(1, file, 0, 1000), kPending);
  REQUIRE(gate.WaitForArrival());
  subject.queue->StopRange(1);
  gate.Open();
  EXPECT_EQ(subject.sink->OutcomeOf(1), -EIO);
  subject.queue->StopRange(1);  // of a queue that has failed
  EXPECT_EQ(subject.SendRange(2, file, 0, 1000), -EPIPE);
}

TEST(StoppedBehind, "stop: a range that waits behind another sends nothing, and completes after it") {
  const Bytes content = Pattern(1000);
  const UniqueFd file = MakeFile(content);
  Gate gate;
  Subject subject(ConnectTcp());
  FdHooks calls;
  calls.sendfile = [&](int socket_fd, int file_fd, off_t* offset, size_t count) {
    gate.Pass();
    return RealCalls().sendfile(socket_fd, file_fd, offset, count);
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  EXPECT_EQ(subject.SendRange(1, file, 0, 600), kPending);
  REQUIRE(gate.WaitForArrival());
  EXPECT_EQ(subject.SendRange(2, file, 0, 1000), kPending);
  EXPECT_EQ(subject.SendRange(3, file, 600, 400), kPending);
  subject.queue->StopRange(2);
  gate.Open();
  EXPECT_EQ(subject.sink->OutcomeOf(3), 0);
  EXPECT(subject.sink->Order() == (std::vector<ItemId>{1, 2, 3}));
  EXPECT(ReadUpTo(subject.connection.far.get(), 1000) == content);
  for (const Completion& completion : subject.sink->all()) {
    EXPECT_EQ(completion.outcome, 0);
    if (completion.item == 2) EXPECT_EQ(completion.bytes_sent, uint64_t{0});
  }
}

TEST(StoppedOnDisk, "stop: while the disk is read nothing of it is sent any more") {
  const UniqueFd file = MakeFile(Pattern(5000));
  Gate gate;
  UniqueFd duplicate = Duplicate(file);
  FdHooks disk;
  disk.peek = [](int, off_t) { return FailWith(EAGAIN); };
  disk.touch = [&](int fd, off_t offset) {
    gate.Pass();
    return RealCalls().touch(fd, offset);
  };
  const ScopedFdHooks hooks(duplicate.get(), disk);
  Subject subject(ConnectTcp());
  EXPECT_EQ(subject.queue->SendRange(1, {std::move(duplicate), 0, 5000, 0}), kPending);
  REQUIRE(gate.WaitForArrival());
  subject.queue->StopRange(1);
  gate.Open();
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(subject.sink->all().back().bytes_sent, uint64_t{0});
  EXPECT_EQ(subject.queue->bytes_sent(), uint64_t{0});
}

TEST(StoppedNothing, "stop: of bytes, of what is complete and of what never was, nothing happens") {
  const Bytes content = Pattern(8 * kMiB);
  const UniqueFd file = MakeFile(content);
  Subject subject(ConnectTcp(4096, 4096));
  EXPECT_EQ(subject.SendRange(1, file, 0, 10), kPending);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(subject.SendBytes(2, content), kPending);
  for (const ItemId item : {1u, 2u, 3u}) subject.queue->StopRange(item);
  EXPECT(ReadUpTo(subject.connection.far.get(), 10) == Bytes(content.begin(), content.begin() + 10));
  EXPECT(ReadUpTo(subject.connection.far.get(), content.size()) == content);
  EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
  EXPECT_EQ(subject.sink->all().size(), size_t{2});
}

TEST(StoppedAndClosed, "stop: a queue that is closed knows nothing of it") {
  const UniqueFd file = MakeFile(Pattern(8 * kMiB));
  Subject subject(ConnectTcp(4096, 4096));
  EXPECT_EQ(subject.SendRange(1, file, 0, 8 * kMiB), kPending);
  subject.WaitUntilFull();
  subject.queue->Close(2, false);
  subject.queue->StopRange(1);
  EXPECT_EQ(subject.sink->OutcomeOf(1), -ECANCELED);
}

}  // namespace
}  // namespace ktls::test
