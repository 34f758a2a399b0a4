// "Taken is not sent": an item completes when TCP has accepted the record that carries its last byte, not before.
#include <netinet/tcp.h>
#include <string.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "../send/sender.h"
#include "fake_kernel_tls.h"
#include "fixtures.h"
#include "hooks.h"
#include "test.h"

namespace ktls::test {
namespace {

TEST(RangeParked, "acceptance: a range that is taken waits for its last byte on the wire") {
  struct Suite {
    TlsVersion version;
    Cipher cipher;
    uint64_t overhead;
  };
  for (const Suite& suite :
       {Suite{TlsVersion::kTls13, Cipher::kAes128Gcm, 22}, Suite{TlsVersion::kTls13, Cipher::kChaCha20Poly1305, 22},
        Suite{TlsVersion::kTls12, Cipher::kAes256Gcm, 29}, Suite{TlsVersion::kTls12, Cipher::kChaCha20Poly1305, 21}}) {
    const UniqueFd file = MakeFile(Pattern(40'000));
    FakeKernelTls tls(suite.version, suite.cipher);
    tls.SetAccepting(false);
    Subject subject(ConnectPair(), tls.state());
    const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
    subject.SendRange(1, file, 0, 40'000);
    EXPECT(subject.WaitUntilSent(40'000));
    EXPECT(subject.sink->StaysSilent(1));
    EXPECT_EQ(tls.wire_bytes(), 40'000 + 3 * suite.overhead);
    tls.Accept(40'000 + 3 * suite.overhead - 1);
    EXPECT(subject.sink->StaysSilent(1));
    tls.Accept(1);
    EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  }
}

TEST(BytesParked, "acceptance: bytes sent at once are pending until they are accepted") {
  FakeKernelTls tls;
  tls.SetAccepting(false);
  Subject subject(ConnectPair(), tls.state());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  EXPECT_EQ(subject.SendBytes(1, Pattern(100)), kPending);
  EXPECT_EQ(tls.wire_bytes(), uint64_t{122});
  // The next goes out at once behind it, and may not complete before it.
  EXPECT_EQ(subject.SendBytes(2, Pattern(200)), kPending);
  EXPECT_EQ(tls.wire_bytes(), uint64_t{344});
  tls.Accept(343);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT(subject.sink->StaysSilent(2));
  tls.Accept(1);
  EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
}

TEST(ItsOwnMark, "acceptance: each item has its own mark; later ones may be on the wire already") {
  const UniqueFd file = MakeFile(Pattern(40'000));
  FakeKernelTls tls;
  tls.SetAccepting(false);
  Subject subject(ConnectPair(), tls.state());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  subject.SendRange(1, file, 0, 40'000);
  subject.SendRange(2, file, 0, 40'000);
  subject.SendRange(3, file, 0, 100);
  EXPECT(subject.sink->StaysSilent(1));
  tls.Accept(40'066 + 20'000);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT(subject.sink->StaysSilent(2));
  tls.SetAccepting(true);
  EXPECT_EQ(subject.sink->OutcomeOf(3), 0);
  EXPECT(subject.sink->Order() == (std::vector<ItemId>{1, 2, 3}));
}

TEST(EmptyBehindParked, "acceptance: an empty item behind a parked one completes after it") {
  FakeKernelTls tls;
  tls.SetAccepting(false);
  Subject subject(ConnectPair(), tls.state());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  EXPECT_EQ(subject.SendBytes(1, Pattern(100)), kPending);
  EXPECT_EQ(subject.SendBytes(2, {}), kPending);
  EXPECT(subject.sink->StaysSilent(2));
  tls.SetAccepting(true);
  EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
  EXPECT(subject.sink->Order() == (std::vector<ItemId>{1, 2}));
}

TEST(NoOvertaking, "acceptance: what is complete at once is told after what was parked before it") {
  for (int i = 0; i < 20; ++i) {
    FakeKernelTls tls;
    tls.SetAccepting(false);
    Subject subject(ConnectPair(), tls.state());
    const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
    EXPECT_EQ(subject.SendBytes(1, Pattern(100)), kPending);
    EXPECT(subject.sink->StaysSilent(1, std::chrono::milliseconds(i)));
    tls.SetAccepting(true);
    if (subject.SendBytes(2, Pattern(100)) == kComplete) {
      EXPECT(subject.sink->Order() == (std::vector<ItemId>{1}));
    } else {
      EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
      EXPECT(subject.sink->Order() == (std::vector<ItemId>{1, 2}));
    }
  }
}

TEST(GoneWhileParked, "acceptance: a connection that dies fails what was parked") {
  const UniqueFd file = MakeFile(Pattern(40'000));
  FakeKernelTls tls;
  tls.SetAccepting(false);
  Subject subject(ConnectPair(), tls.state());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  subject.SendRange(1, file, 0, 40'000);
  subject.SendBytes(2, Pattern(100));
  EXPECT(subject.sink->StaysSilent(2));
  tls.SetTcpState(TCP_CLOSE);
  EXPECT_EQ(subject.sink->OutcomeOf(1), -ECONNRESET);
  EXPECT_EQ(subject.sink->OutcomeOf(2), -ECANCELED);
  EXPECT_EQ(subject.SendBytes(3, Pattern(1)), -EPIPE);
}

TEST(AcceptedThenGone, "acceptance: what was accepted before the connection died is complete") {
  FakeKernelTls tls;
  tls.SetAccepting(false);
  Subject subject(ConnectPair(), tls.state());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  EXPECT_EQ(subject.SendBytes(1, Pattern(100)), kPending);
  EXPECT_EQ(subject.SendBytes(2, Pattern(100)), kPending);
  tls.Accept(122);
  tls.SetTcpState(TCP_CLOSE);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(subject.sink->OutcomeOf(2), -ECONNRESET);
}

TEST(ResetUnseen, "acceptance: what was accepted since the last look is complete, though a reset is seen first") {
  FakeKernelTls tls;
  tls.SetAccepting(false);
  Subject subject(ConnectTcp(), tls.state());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  EXPECT_EQ(subject.SendBytes(1, Pattern(100)), kPending);
  EXPECT(subject.sink->StaysSilent(1, std::chrono::milliseconds(200)));  // looks are rare by now
  tls.Accept(122);
  tls.SetTcpState(TCP_CLOSE);
  const linger at_once{1, 0};
  EXPECT_EQ(system_calls.setsockopt(subject.connection.far.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
  subject.connection.far.Reset();
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(subject.SendBytes(2, Pattern(1)), -EPIPE);
}

TEST(LooksAtOnce, "acceptance: when the socket has room again the first look is a tenth of a millisecond away") {
  FakeKernelTls tls;
  tls.SetAccepting(false);
  int sender_epoll = -1;
  GlobalHooks hooks_of_start;
  hooks_of_start.epoll_create = [&] { return sender_epoll = RealCalls().epoll_create(); };
  static Sender sender;  // of a thread of its own
  sender.SetThreads(1);
  std::optional<ScopedGlobalHooks> start(hooks_of_start);
  Subject subject(ConnectPair(), tls.state(), {}, &sender);
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  EXPECT_EQ(subject.SendBytes(1, Pattern(100)), kPending);
  start.reset();
  EXPECT(subject.sink->StaysSilent(1, std::chrono::milliseconds(200)));

  std::mutex mutex;
  std::condition_variable has_looked;
  std::vector<long> waits_ns;
  FdHooks on_epoll;
  on_epoll.poll_readable = [&](int fd, const timespec* timeout) {
    const std::lock_guard lock(mutex);
    waits_ns.push_back(timeout->tv_nsec);
    has_looked.notify_all();
    return RealCalls().poll_readable(fd, timeout);
  };
  const ScopedFdHooks watching(sender_epoll, on_epoll);
  const auto count_looks = [&] {
    const std::lock_guard lock(mutex);
    return waits_ns.size();
  };
  const size_t before = count_looks();
  subject.MakeWritable();
  {
    std::unique_lock lock(mutex);
    REQUIRE(has_looked.wait_for(lock, std::chrono::seconds(20), [&] { return waits_ns.size() >= before + 2; }));
    // The look before may still be on its way into the system call; and on a slow machine the first two, after 0.1 and
    // 0.2 ms, may be due before the thread has come to wait for them.
    EXPECT(std::min(waits_ns[before], waits_ns[before + 1]) <= 400'000);
  }
  EXPECT(subject.sink->StaysSilent(1, std::chrono::milliseconds(200)));
  {
    const std::lock_guard lock(mutex);
    EXPECT(waits_ns.size() < 20);
  }
  tls.Accept(122);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
}

TEST(FailureBehindParked, "acceptance: a failed file does not cut off the response in front of it") {
  const UniqueFd file = MakeFile(Pattern(40'000));
  FakeKernelTls tls;
  tls.SetAccepting(false);
  tls.SetRoom(0);
  Subject subject(ConnectPair(), tls.state());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  EXPECT_EQ(subject.SendRange(1, file, 0, 40'000), kPending);
  EXPECT_EQ(subject.SendRange(2, file, 0, 40'001), kPending);  // truncated
  EXPECT_EQ(subject.SendRange(3, file, 0, 1), kPending);
  EXPECT(subject.sink->StaysSilent(1));
  tls.SetRoom(1'000'000);
  subject.MakeWritable();
  EXPECT(subject.sink->StaysSilent(2));
  tls.Accept(40'066);
  EXPECT_EQ(subject.sink->OutcomeOf(3), -ECANCELED);
  EXPECT_EQ(subject.SendBytes(4, Pattern(1)), -EPIPE);
  EXPECT_EQ(subject.sink->OutcomeOf(2), -ENODATA);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
}

TEST(CountFails, "acceptance: a record count that cannot be read, or went back, ends the queue") {
  for (const int error : {ENOPROTOOPT, 0}) {
    FakeKernelTls tls;
    KernelTlsState state = tls.state();
    if (error == 0) state.record_sequence_at_hand_over += 1000;
    Subject subject(ConnectPair(), state);
    FdHooks calls = tls.Hooks();
    if (error) calls.getsockopt = [error](int, int, int, void*, socklen_t*) { return FailWith(error); };
    const ScopedFdHooks hooks(subject.socket_fd, calls);
    EXPECT_EQ(subject.SendBytes(1, Pattern(100)), error ? -error : -EPROTO);
    EXPECT_EQ(subject.SendBytes(2, Pattern(100)), -EPIPE);
  }
}

TEST(SmallerThanBase, "acceptance: a sum that an acknowledgement made too small completes nothing") {
  FakeKernelTls tls;
  tls.SetAccepting(false);
  KernelTlsState state = tls.state();
  state.bytes_accepted_at_hand_over += 10;
  Subject subject(ConnectPair(), state);
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  EXPECT_EQ(subject.SendBytes(1, Pattern(100)), kPending);
  EXPECT(subject.sink->StaysSilent(1));
}

TEST(ExactReading, "acceptance: at the hand-over the sum is read as of one moment") {
  Connection connection = ConnectTcp();
  uint64_t accepted = 0;
  uint8_t state = 0;
  EXPECT_EQ(ReadBytesAccepted(connection.near.get(), &accepted, &state), 0);
  const uint64_t before = accepted;
  const Bytes bytes = Pattern(30'000);
  EXPECT_EQ(system_calls.write(connection.near.get(), bytes.data(), bytes.size()), ssize_t{30'000});
  EXPECT_EQ(ReadBytesAccepted(connection.near.get(), &accepted, &state), 0);
  EXPECT_EQ(accepted - before, uint64_t{30'000});
  EXPECT_EQ(state, uint8_t{TCP_ESTABLISHED});

  // Acknowledgements that never pause: no moment to be had.
  FdHooks calls;
  calls.getsockopt = [acknowledged = uint64_t{0}](int fd, int level, int name, void* value, socklen_t* size) mutable {
    const int result = RealCalls().getsockopt(fd, level, name, value, size);
    ++acknowledged;
    memcpy(static_cast<char*>(value) + 120, &acknowledged, sizeof(acknowledged));  // tcpi_bytes_acked
    return result;
  };
  const ScopedFdHooks hooks(connection.near.get(), calls);
  EXPECT_EQ(ReadBytesAccepted(connection.near.get(), &accepted, &state), -EBUSY);
}

}  // namespace
}  // namespace ktls::test
