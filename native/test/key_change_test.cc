// New write keys: asked for by the peer or by the limit of a key's use, made before the next application data, once for
// any number of requests; and what happens where the kernel takes none.
#include "fake_kernel_tls.h"
#include "fake_keys.h"
#include "fixtures.h"
#include "hooks.h"
#include "test.h"

namespace ktls::test {
namespace {

constexpr auto kKeySpent = static_cast<int32_t>(Outcome::kKeySpent);
constexpr ItemId kKeyItem = 77;
const Bytes kKeyUpdate = {24, 0, 0, 1, 0};
const Bytes kAlert = {1, 90};

// Of TLS 1.2, or of a kernel that takes no new keys.
KeyChange UnchangeableKeys(uint64_t records_per_key = KeyChange::kRecordsPerKey) { return {nullptr, records_per_key}; }

std::vector<uint8_t> TypesOf(const FakeKernelTls& tls) {
  std::vector<uint8_t> types;
  for (const FakeKernelTls::Record& record : tls.records()) types.push_back(record.type);
  return types;
}

TEST(KeyUpdateIdle, "key change: asked for while nothing is sent, nothing is sent until there is something to send") {
  FakeKernelTls tls;
  Subject subject(ConnectPair(), tls.state(), ChangeableKeys());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  for (int i = 0; i < 10'000; ++i) subject.queue->RequestKeyUpdate();
  EXPECT_EQ(tls.records().size(), size_t{0});
  subject.queue->SendControl(0, kRecordTypeAlert, kAlert.data(), kAlert.size(), true);
  EXPECT(TypesOf(tls) == std::vector<uint8_t>{kRecordTypeAlert});

  const Bytes bytes = Pattern(100);
  EXPECT_EQ(subject.SendBytes(1, bytes), kPending);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT(TypesOf(tls) == (std::vector<uint8_t>{kRecordTypeAlert, kRecordTypeHandshake, kRecordTypeApplicationData}));
  EXPECT(tls.records()[1].plaintext == kKeyUpdate);
  EXPECT_EQ(tls.rekeys(), 1);
  EXPECT_EQ(tls.sequence(), uint64_t{1});

  // At once, unless the first is just being told complete.
  if (subject.SendBytes(2, bytes) == kPending) EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
  EXPECT_EQ(tls.rekeys(), 1);
}

TEST(KeyUpdateCounts, "key change: in the middle of a range record and keys are one step, and the count goes on") {
  const Bytes content = Pattern(100'000);
  const UniqueFd file = MakeFile(content);
  FakeKernelTls tls;
  tls.SetRoom(30'000);
  Subject subject(ConnectPair(), tls.state(), ChangeableKeys());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  subject.SendRange(1, file, 0, content.size());
  EXPECT(tls.WaitUntilFull());
  subject.queue->RequestKeyUpdate();
  subject.queue->RequestKeyUpdate();
  tls.SetAccepting(false);
  tls.SetRoom(1'000'000);
  subject.MakeWritable();
  EXPECT(subject.WaitUntilSent(content.size()));
  EXPECT_EQ(tls.rekeys(), 1);
  // 16384, the 13616 that stood open and the byte that closed them, then the KeyUpdate and what is left.
  REQUIRE(tls.records().size() > 3);
  EXPECT_EQ(tls.records()[2].type, kRecordTypeHandshake);
  EXPECT(subject.sink->StaysSilent(1));
  const uint64_t overhead = 22;
  const uint64_t whole = content.size() + kKeyUpdate.size() + tls.records().size() * overhead;
  EXPECT_EQ(tls.wire_bytes(), whole);
  tls.Accept(whole - 1 - 16'384 - overhead);  // the first record was accepted before
  EXPECT(subject.sink->StaysSilent(1));
  tls.Accept(1);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT(tls.application_data() == content);
  EXPECT_EQ(tls.offence(), std::string());
  EXPECT_EQ(tls.sequence(), (uint64_t{100'000 - 30'001} + 16'383) / 16'384);
}

TEST(KeyUpdateInside, "key change: asked for while a thread is inside sendfile, it comes before the next") {
  const Bytes content = Pattern(3'000'000);
  const UniqueFd file = MakeFile(content);
  FakeKernelTls tls;
  Subject subject(ConnectPair(), tls.state(), ChangeableKeys());
  Gate gate;
  FdHooks calls = tls.Hooks();
  calls.sendfile = [&, real = calls.sendfile](int socket_fd, int file_fd, off_t* offset, size_t count) {
    gate.Pass();
    return real(socket_fd, file_fd, offset, count);
  };
  const ScopedFdHooks hooks(subject.socket_fd, calls);
  subject.SendRange(1, file, 0, content.size());
  EXPECT(gate.WaitForArrival());
  for (int i = 0; i < 100; ++i) subject.queue->RequestKeyUpdate();
  gate.Open();
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(tls.rekeys(), 1);
  EXPECT(tls.application_data() == content);
  EXPECT_EQ(tls.offence(), std::string());
}

TEST(KeyLimit, "key change: a key protects no more records than it may") {
  constexpr uint64_t kLimit = 100;
  const Bytes content = Pattern(10'000'000);
  const UniqueFd file = MakeFile(content);
  FakeKernelTls tls;
  Subject subject(ConnectPair(), tls.state(), ChangeableKeys(kLimit));
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  for (ItemId item = 1; item <= 10; ++item) subject.SendRange(item, file, (item - 1) * 1'000'000, 1'000'000);
  EXPECT_EQ(subject.sink->OutcomeOf(10), 0);
  for (ItemId item = 11; item <= 500; ++item) subject.SendBytes(item, Pattern(10));
  EXPECT(subject.WaitUntilSent(content.size() + 490 * 10));
  uint64_t under_key = tls.state().record_sequence_at_hand_over;
  uint64_t most = 0;
  for (const FakeKernelTls::Record& record : tls.records()) {
    most = std::max(most, ++under_key);
    if (record.type == kRecordTypeHandshake) under_key = 0;
  }
  // One turn's bytes and the KeyUpdate itself may still fall under it.
  EXPECT(most >= kLimit && most < kLimit + 70);
  EXPECT(tls.rekeys() >= 8);
  EXPECT_EQ(tls.offence(), std::string());
}

TEST(KeySpent, "key change: where the kernel takes no new keys, the owner hears of it once, and the queue goes on") {
  FakeKernelTls tls;
  tls.SetRekeyError(EBUSY);
  Subject subject(ConnectPair(), tls.state(), UnchangeableKeys());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  subject.queue->WatchKey(kKeyItem);
  EXPECT(subject.sink->StaysSilent(kKeyItem));
  for (int i = 0; i < 3; ++i) subject.queue->RequestKeyUpdate();
  EXPECT_EQ(subject.sink->OutcomeOf(kKeyItem), kKeySpent);
  EXPECT_EQ(subject.SendBytes(1, Pattern(5)), kComplete);
  EXPECT(TypesOf(tls) == std::vector<uint8_t>{kRecordTypeApplicationData});
  EXPECT_EQ(subject.sink->all().size(), size_t{1});
}

TEST(KeySpentByLimit, "key change: the limit is told from either thread, of TLS 1.2 and of a kernel that cannot") {
  const UniqueFd file = MakeFile(Pattern(1'000'000));
  for (const bool tls12 : {false, true}) {
    for (const bool range : {false, true}) {
      FakeKernelTls tls(tls12 ? TlsVersion::kTls12 : TlsVersion::kTls13);
      Subject subject(ConnectPair(), tls.state(), UnchangeableKeys(20));
      const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
      subject.queue->WatchKey(kKeyItem);
      for (ItemId item = 1; item < 20; ++item) {
        if (range) subject.SendRange(item, file, 0, 100'000);
        if (!range) subject.SendBytes(item, Pattern(10));
      }
      EXPECT_EQ(subject.sink->OutcomeOf(kKeyItem), kKeySpent);
      EXPECT(subject.WaitUntilSent(range ? 1'900'000 : 190));
      EXPECT_EQ(tls.rekeys(), 0);
    }
  }
}

TEST(KeyUpdateRefused, "key change: where the kernel refuses after all, nothing is sent after the KeyUpdate") {
  const UniqueFd file = MakeFile(Pattern(100'000));
  FakeKernelTls tls;
  tls.SetRekeyError(EBUSY);
  tls.SetRoom(30'000);
  Subject subject(ConnectPair(), tls.state(), ChangeableKeys());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  subject.SendRange(1, file, 0, 100'000);
  EXPECT(tls.WaitUntilFull());
  subject.queue->RequestKeyUpdate();
  tls.SetRoom(1'000'000);
  subject.MakeWritable();
  EXPECT_EQ(subject.sink->OutcomeOf(1), -ECANCELED);
  EXPECT_EQ(tls.application_data().size(), size_t{30'001});
  EXPECT_EQ(TypesOf(tls).back(), kRecordTypeHandshake);
  EXPECT_EQ(subject.SendBytes(2, Pattern(5)), -EPIPE);
}

TEST(KeyUnderivable, "key change: where no keys can be made, nothing more is sent") {
  FakeKernelTls tls;
  auto keys = std::make_unique<FakeKeys>();
  keys->FailFrom(1);
  Subject subject(ConnectPair(), tls.state(), {std::move(keys)});
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  subject.queue->RequestKeyUpdate();
  subject.SendBytes(1, Pattern(5));
  EXPECT_EQ(subject.sink->OutcomeOf(1), -EKEYREJECTED);
  EXPECT_EQ(tls.records().size(), size_t{0});
}

TEST(KeyTcp, "key change: plain TCP has no keys") {
  Subject subject(ConnectPair());
  subject.queue->WatchKey(kKeyItem);
  EXPECT_EQ(subject.SendBytes(1, Pattern(5)), kComplete);
  EXPECT(subject.sink->StaysSilent(kKeyItem));
}

}  // namespace
}  // namespace ktls::test
