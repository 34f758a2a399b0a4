// Control records: whole, and in order unless urgent.
#include <algorithm>
#include <array>

#include "fake_kernel_tls.h"
#include "fixtures.h"
#include "hooks.h"
#include "test.h"

namespace ktls::test {
namespace {

const Bytes kCloseNotify = {1, 0};

int SendControl(Subject* subject, ItemId item, const Bytes& bytes, bool urgent) {
  return subject->queue->SendControl(item, kRecordTypeAlert, bytes.data(), bytes.size(), urgent);
}

// A range of which kernel TLS has taken so much that a record stands open, and waits for room.
struct Stuck {
  Stuck() {
    tls.SetRoom(30'000);
    subject.SendRange(1, file, 0, content.size());
    EXPECT(tls.WaitUntilFull());
  }
  void GoOn() {
    tls.SetRoom(1'000'000);
    subject.MakeWritable();
  }

  const Bytes content = Pattern(100'000);
  const UniqueFd file = MakeFile(content);
  FakeKernelTls tls;
  Subject subject{ConnectPair(), tls.state()};
  const ScopedFdHooks hooks{subject.socket_fd, tls.Hooks()};
};

TEST(ControlAtOnce, "control: on an empty queue it is one record, complete within the call") {
  FakeKernelTls tls;
  Subject subject(ConnectPair(), tls.state());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  EXPECT_EQ(SendControl(&subject, 1, kCloseNotify, false), kComplete);
  REQUIRE(tls.records().size() == 1);
  EXPECT_EQ(tls.records()[0].type, kRecordTypeAlert);
  EXPECT(tls.records()[0].plaintext == kCloseNotify);
  EXPECT_EQ(subject.queue->bytes_sent(), uint64_t{0});
}

TEST(ControlRefused, "control: refused on plain TCP, if empty and if larger than a record") {
  Subject plain(ConnectPair());
  EXPECT_EQ(SendControl(&plain, 1, kCloseNotify, true), -EINVAL);
  FakeKernelTls tls;
  Subject subject(ConnectPair(), tls.state());
  EXPECT_EQ(SendControl(&subject, 1, {}, true), -EINVAL);
  EXPECT_EQ(SendControl(&subject, 1, Bytes(16385), true), -EINVAL);
}

TEST(ControlAfterFatal, "control: after a fatal alert there is no other") {
  const Bytes bad_record_mac = {2, 20};
  FakeKernelTls tls;
  Subject subject(ConnectPair(), tls.state());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  EXPECT_EQ(SendControl(&subject, 1, kCloseNotify, false), kComplete);
  EXPECT_EQ(SendControl(&subject, 2, bad_record_mac, true), kComplete);
  EXPECT_EQ(SendControl(&subject, 3, kCloseNotify, false), -EPIPE);
  EXPECT_EQ(tls.records().size(), size_t{2});
}

TEST(ControlInOrder, "control: not urgent, it follows what was submitted before it") {
  Stuck stuck;
  FakeKernelTls& tls = stuck.tls;
  Subject& subject = stuck.subject;
  EXPECT_EQ(SendControl(&subject, 2, kCloseNotify, false), kPending);
  EXPECT(subject.sink->StaysSilent(2));
  stuck.GoOn();
  EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
  EXPECT(subject.sink->Order() == (std::vector<ItemId>{1, 2}));
  EXPECT(tls.records().back().plaintext == kCloseNotify);
  EXPECT(tls.application_data() == stuck.content);
}

TEST(Urgent, "control: urgent, it goes out in the middle of a range, at a record's border") {
  Stuck stuck;
  FakeKernelTls& tls = stuck.tls;
  Subject& subject = stuck.subject;
  subject.SendBytes(2, Pattern(500, 9));
  EXPECT_EQ(SendControl(&subject, 3, kCloseNotify, true), kPending);
  EXPECT_EQ(SendControl(&subject, 4, kCloseNotify, true), kPending);
  stuck.GoOn();
  EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
  EXPECT(subject.sink->Order() == (std::vector<ItemId>{3, 4, 1, 2}));
  // 16384, the 13616 that stood open and the byte that closed them, the alerts, then the rest.
  REQUIRE(tls.records().size() > 4);
  EXPECT_EQ(tls.records()[1].plaintext.size(), size_t{30'001 - 16'384});
  EXPECT_EQ(tls.records()[2].type, kRecordTypeAlert);
  EXPECT_EQ(tls.records()[3].type, kRecordTypeAlert);
  Bytes wanted = stuck.content;
  const Bytes tail = Pattern(500, 9);
  wanted.insert(wanted.end(), tail.begin(), tail.end());
  EXPECT(tls.application_data() == wanted);
  EXPECT_EQ(tls.offence(), std::string());
}

TEST(UrgentWaits, "control: urgent, it waits while the open record cannot be closed") {
  Stuck stuck;
  FakeKernelTls& tls = stuck.tls;
  Subject& subject = stuck.subject;
  EXPECT_EQ(SendControl(&subject, 2, kCloseNotify, true), kPending);
  tls.SetRoom(0);
  subject.MakeWritable();
  EXPECT(tls.WaitUntilRefused(1));
  EXPECT_EQ(tls.records().size(), size_t{1});
  EXPECT(subject.queue->Close(3, false));
  EXPECT_EQ(tls.records().size(), size_t{1});
  EXPECT_EQ(tls.offence(), std::string());
}

TEST(ControlRepeated, "control: an answer that repeats the one that waits costs nothing") {
  const Bytes no_renegotiation = {1, 100};
  Stuck stuck;
  FakeKernelTls& tls = stuck.tls;
  Subject& subject = stuck.subject;
  EXPECT_EQ(SendControl(&subject, kNobody, no_renegotiation, false), kPending);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(SendControl(&subject, kNobody, no_renegotiation, false), kComplete);
  EXPECT_EQ(SendControl(&subject, 2, no_renegotiation, false), kPending);
  stuck.GoOn();
  EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
  const std::vector<FakeKernelTls::Record> records = tls.records();
  const auto is_alert = [](const FakeKernelTls::Record& record) { return record.type == kRecordTypeAlert; };
  EXPECT_EQ(std::count_if(records.begin(), records.end(), is_alert), 2);
}

TEST(ReadAfterControl, "control: the open record is closed before it, so that the range may be read after it") {
  const Bytes content = Pattern(100'000);
  const UniqueFd file = MakeFile(content);
  FakeKernelTls tls;
  tls.SetRoom(30'000);
  Subject subject(ConnectPair(), tls.state());
  FdHooks calls = tls.Hooks();
  calls.sendfile = [&, real = calls.sendfile](int socket_fd, int file_fd, off_t* offset, size_t count) -> ssize_t {
    if (*offset == 30'001) return FailWith(EINVAL);
    return real(socket_fd, file_fd, offset, count);
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  subject.SendRange(1, file, 0, content.size());
  EXPECT(tls.WaitUntilFull());
  SendControl(&subject, 2, kCloseNotify, true);
  tls.SetRoom(1'000'000);
  subject.MakeWritable();
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT(tls.application_data() == content);
  EXPECT_EQ(tls.offence(), std::string());
}

TEST(ControlFails, "control: an error, a piece of a record and EINTR") {
  FakeKernelTls tls;
  for (const int error : {EPIPE, ECONNRESET}) {
    Subject subject(ConnectPair(), tls.state());
    FdHooks calls = tls.Hooks();
    calls.sendmsg = [error](int, const msghdr*, int) { return FailWith(error); };
    const ScopedFdHooks hooks(subject.socket_fd, calls);
    EXPECT_EQ(SendControl(&subject, 1, kCloseNotify, true), -error);
    EXPECT_EQ(SendControl(&subject, 2, kCloseNotify, true), -EPIPE);
  }
  {
    Subject subject(ConnectPair(), tls.state());
    FdHooks calls = tls.Hooks();
    calls.sendmsg = [](int, const msghdr*, int) -> ssize_t { return 1; };
    const ScopedFdHooks hooks(subject.socket_fd, calls);
    EXPECT_EQ(SendControl(&subject, 1, kCloseNotify, true), -EIO);
  }
  Subject subject(ConnectPair(), tls.state());
  FdHooks calls = tls.Hooks();
  calls.sendmsg = [real = calls.sendmsg, calls_made = 0](int fd, const msghdr* message, int flags) mutable -> ssize_t {
    return ++calls_made < 3 ? FailWith(EINTR) : real(fd, message, flags);
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  EXPECT_EQ(SendControl(&subject, 1, kCloseNotify, true), kComplete);
}

}  // namespace
}  // namespace ktls::test
