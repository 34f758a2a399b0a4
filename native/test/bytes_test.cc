// Plain bytes: sent at once where nothing is in front of them, else in their turn.
#include <climits>
#include <numeric>

#include "fake_kernel_tls.h"
#include "fixtures.h"
#include "hooks.h"
#include "test.h"

namespace ktls::test {
namespace {

std::vector<iovec> Split(const Bytes& bytes, size_t part) {
  std::vector<iovec> parts;
  for (size_t at = 0; at < bytes.size(); at += part) {
    parts.push_back({const_cast<uint8_t*>(bytes.data()) + at, std::min(part, bytes.size() - at)});
  }
  return parts;
}

TEST(AtOnce, "bytes: on an empty queue they are sent and complete within the call") {
  const Bytes bytes = Pattern(1000);
  Subject subject(ConnectTcp());
  EXPECT_EQ(subject.SendBytes(1, bytes), kComplete);
  EXPECT(ReadUpTo(subject.connection.far.get(), 1000) == bytes);
  EXPECT(subject.sink->all().empty());
  EXPECT_EQ(subject.queue->bytes_sent(), uint64_t{1000});
}

TEST(NoBytes, "bytes: none at all complete at once") {
  Subject subject(ConnectTcp());
  EXPECT_EQ(subject.queue->SendBytes(1, nullptr, 0), kComplete);
  EXPECT_EQ(subject.SendBytes(2, {}), kComplete);
}

TEST(Remainder, "bytes: what is not taken is copied, and the caller's memory is free") {
  Bytes bytes = Pattern(2'000'000);
  const Bytes original = bytes;
  Subject subject(ConnectTcp(8192, 8192));
  EXPECT_EQ(subject.SendBytes(1, bytes), kPending);
  std::fill(bytes.begin(), bytes.end(), uint8_t{0});
  EXPECT(ReadUpTo(subject.connection.far.get(), original.size()) == original);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
}

TEST(ManyBuffers, "bytes: more buffers than one call may take, with empty ones among them") {
  static_assert(IOV_MAX == 1024);
  const Bytes bytes = Pattern(3 * 3001);
  std::vector<iovec> parts = Split(bytes, 3);
  parts.insert(parts.begin() + 17, {nullptr, 0});
  parts.push_back({nullptr, 0});
  size_t largest = 0;
  Subject subject(ConnectTcp());
  FdHooks calls;
  calls.sendmsg = [&](int fd, const msghdr* message, int flags) {
    largest = std::max(largest, message->msg_iovlen);
    return RealCalls().sendmsg(fd, message, flags);
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  EXPECT_EQ(subject.queue->SendBytes(1, parts.data(), parts.size()), kComplete);
  EXPECT_EQ(largest, size_t{1024});
  EXPECT(ReadUpTo(subject.connection.far.get(), bytes.size()) == bytes);
}

TEST(ShortSends, "bytes: short counts and EINTR across buffers lose and repeat nothing") {
  const Bytes bytes = Pattern(5000);
  std::vector<iovec> parts = Split(bytes, 7);
  Subject subject(ConnectTcp());
  FdHooks calls;
  calls.sendmsg = [step = size_t{1}](int fd, const msghdr* message, int flags) mutable -> ssize_t {
    step = step * 5 % 23;
    if (step == 2) return FailWith(EINTR);
    iovec first = message->msg_iov[0];
    first.iov_len = std::min(first.iov_len, step);
    msghdr shorter = *message;
    shorter.msg_iov = &first;
    shorter.msg_iovlen = 1;
    return RealCalls().sendmsg(fd, &shorter, flags);
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  EXPECT_EQ(subject.queue->SendBytes(1, parts.data(), parts.size()), kComplete);
  EXPECT(ReadUpTo(subject.connection.far.get(), bytes.size()) == bytes);
}

TEST(FailsAtOnce, "bytes: a failure at once is the call's result, and the queue's end") {
  for (const int error : {EPIPE, ECONNRESET, EIO}) {
    Subject subject(ConnectPair());
    FdHooks calls;
    calls.sendmsg = [error](int, const msghdr*, int) { return FailWith(error); };
    const ScopedFdHooks hooks(subject.socket_fd, calls);
    EXPECT_EQ(subject.SendBytes(1, Pattern(10)), -error);
    EXPECT_EQ(subject.SendBytes(2, Pattern(10)), -EPIPE);
    EXPECT(subject.sink->all().empty());
  }
}

TEST(NothingTaken, "bytes: a send that takes nothing and says nothing is a failure, not a loop") {
  Subject subject(ConnectPair());
  FdHooks calls;
  calls.sendmsg = [](int, const msghdr*, int) -> ssize_t { return 0; };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  EXPECT_EQ(subject.SendBytes(1, Pattern(10)), -EIO);
}

TEST(BehindRange, "bytes: behind a range they wait, and mixed items keep their order") {
  const Bytes content = Pattern(400'000, 2);
  const UniqueFd file = MakeFile(content);
  const Bytes head = Pattern(300, 3);
  Subject subject(ConnectTcp(8192, 8192));
  Bytes wanted;
  ItemId item = 0;
  std::vector<ItemId> pending;
  for (uint64_t offset = 0; offset < content.size(); offset += 40'000) {
    if (subject.SendBytes(++item, head) == kPending) pending.push_back(item);
    wanted.insert(wanted.end(), head.begin(), head.end());
    EXPECT_EQ(subject.SendRange(++item, file, offset, 39'999), kPending);
    pending.push_back(item);
    const auto* begin = content.data() + offset;
    wanted.insert(wanted.end(), begin, begin + 39'999);
  }
  EXPECT(ReadUpTo(subject.connection.far.get(), wanted.size()) == wanted);
  EXPECT_EQ(subject.sink->OutcomeOf(item), 0);
  EXPECT(subject.sink->Order() == pending);
}

TEST(FullTls, "bytes: on kernel TLS a full socket takes a part, which is one record of its own") {
  const Bytes bytes = Pattern(50'000);
  FakeKernelTls tls;
  tls.SetRoom(20'000);
  Subject subject(ConnectPair(), tls.state());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  EXPECT_EQ(subject.SendBytes(1, bytes), kPending);
  EXPECT(subject.sink->StaysSilent(1));
  tls.SetRoom(1'000'000);
  subject.MakeWritable();
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT(tls.application_data() == bytes);
  EXPECT_EQ(tls.offence(), std::string());
}

TEST(NotTooMuchAtOnce, "bytes: the caller's thread sends a bounded amount itself") {
  const Bytes bytes = Pattern(4'000'000);
  const pthread_t caller = pthread_self();
  size_t by_caller = 0;
  FakeKernelTls tls;
  Subject subject(ConnectPair(), tls.state());
  FdHooks calls = tls.Hooks();
  calls.sendmsg = [&, real = calls.sendmsg](int fd, const msghdr* message, int flags) {
    const ssize_t taken = real(fd, message, flags);
    if (pthread_equal(pthread_self(), caller)) by_caller += static_cast<size_t>(taken);
    return taken;
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  EXPECT_EQ(subject.SendBytes(1, bytes), kPending);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(by_caller, size_t{256 * 1024});
  EXPECT(tls.application_data() == bytes);
}

}  // namespace
}  // namespace ktls::test
