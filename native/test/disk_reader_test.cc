// Files that are not in memory: somebody else waits for the disk, and nobody but their own socket waits for them.
#include "../send/disk_reader.h"

#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

#include "../send/sender.h"
#include "fake_kernel_tls.h"
#include "fixtures.h"
#include "hooks.h"
#include "played_disk.h"
#include "test.h"

namespace ktls::test {
namespace {

constexpr size_t kMiB = 1024 * 1024;

TEST(DiskHoldsUpNobody, "disk: a file that is not in memory holds up its own socket and no other") {
  Disk disk(100'000);
  Subject cold(ConnectTcp()), warm(ConnectTcp());
  EXPECT_EQ(cold.queue->SendRange(1, {disk.Open(), 7, 99'000, 0}), kPending);
  REQUIRE(disk.gate.WaitForArrival());
  for (ItemId item = 1; item <= 20; ++item) {
    EXPECT_EQ(warm.SendRange(item, disk.file, 0, 1000), kPending);
    EXPECT_EQ(warm.sink->OutcomeOf(item), 0);
  }
  EXPECT(cold.sink->StaysSilent(1));
  EXPECT_EQ(cold.queue->bytes_sent(), uint64_t{0});
  disk.gate.Open();
  const Bytes received = ReadUpTo(cold.connection.far.get(), 99'000);
  EXPECT(received == Bytes(disk.content.begin() + 7, disk.content.begin() + 7 + 99'000));
  EXPECT_EQ(cold.sink->OutcomeOf(1), 0);
}

TEST(DiskByWindows, "disk: it is read a mebibyte at a time, and the next is asked for meanwhile") {
  constexpr size_t kSize = 3 * kMiB + 5000;
  Disk disk(kSize);
  disk.gate.Open();
  Subject subject(ConnectTcp());
  EXPECT_EQ(subject.queue->SendRange(1, {disk.Open(), 0, kSize, 0}), kPending);
  EXPECT(ReadUpTo(subject.connection.far.get(), kSize) == disk.content);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  const std::lock_guard lock(disk.mutex);
  EXPECT_EQ(disk.touched_until, uint64_t{kSize});
  EXPECT_EQ(disk.asked_until, uint64_t{kSize});  // and nothing beyond the range
  EXPECT(disk.largest_request <= 128 * 1024);
  EXPECT_EQ(disk.peeks.load(), 4);  // the first byte of each window tells
}

TEST(MemoryIsAskedSeldom, "disk: a file that is in memory is asked twice for each mebibyte") {
  Disk disk(2 * kMiB);
  disk.touched_until = 2 * kMiB;
  Subject subject(ConnectTcp(8192, 8192));
  EXPECT_EQ(subject.queue->SendRange(1, {disk.Open(), 0, 2 * kMiB, 0}), kPending);
  EXPECT(ReadUpTo(subject.connection.far.get(), 2 * kMiB) == disk.content);
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT_EQ(disk.peeks.load(), 4);
}

TEST(ClosedWhileRead, "disk: a queue that is closed meanwhile closes its socket at once and its file afterwards") {
  Disk disk(5000);
  Subject subject(ConnectTcp());
  UniqueFd file = disk.Open();
  const int file_fd = file.get();
  EXPECT_EQ(subject.queue->SendRange(1, {std::move(file), 0, 5000, 0}), kPending);
  REQUIRE(disk.gate.WaitForArrival());
  EXPECT(subject.queue->Close(2, false));
  EXPECT_EQ(subject.sink->OutcomeOf(1), -ECANCELED);
  EXPECT(!IsOpen(subject.socket_fd));
  EXPECT(IsOpen(file_fd));  // or its number could be another's while it is read
  disk.gate.Open();
  EXPECT(ClosesInTime(file_fd));
}

TEST(ClosedIsForgotten, "disk: a queue that is closed meanwhile is nobody's when the disk has answered") {
  Disk disk(5000);
  const Connection connection = ConnectTcp();
  const auto sink = std::make_shared<RecordingSink>();
  auto queue = SocketQueue::Open(&Sender::Instance(), Duplicate(connection.near), std::nullopt, {}, sink);
  EXPECT_EQ(queue->SendRange(1, {disk.Open(), 0, 5000, 0}), kPending);
  REQUIRE(disk.gate.WaitForArrival());
  EXPECT(queue->Close(2, false));
  const std::weak_ptr<SocketQueue> left = queue;
  queue.reset();
  disk.gate.Open();
  for (int i = 0; i < 1000 && !left.expired(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT(left.expired());
}

TEST(AlertsOvertakeTheDisk, "disk: an alert does not wait for it") {
  Disk disk(5000);
  FakeKernelTls tls(TlsVersion::kTls13);
  Subject subject(ConnectPair(), tls.state());
  const ScopedFdHooks hooks(subject.socket_fd, tls.Hooks());
  EXPECT_EQ(subject.queue->SendRange(1, {disk.Open(), 0, 5000, 0}), kPending);
  REQUIRE(disk.gate.WaitForArrival());
  const Bytes alert = {1, 90};
  EXPECT_EQ(subject.queue->SendControl(2, kRecordTypeAlert, alert.data(), alert.size(), true), kPending);
  EXPECT_EQ(subject.sink->OutcomeOf(2), 0);
  EXPECT(tls.application_data().empty());
  disk.gate.Open();
  EXPECT_EQ(subject.sink->OutcomeOf(1), 0);
  EXPECT(tls.application_data() == disk.content);
}

TEST(NobodyReads, "disk: where no thread can be started the sender's own waits") {
  DiskReader& reader = *std::make_unique<DiskReader>().release();  // its thread lasts as long as the process
  Disk disk(5000);
  disk.gate.Open();
  const auto file = std::make_shared<const UniqueFd>(disk.Open());
  const auto is_done = std::make_shared<std::atomic<bool>>(false);
  const auto done = [is_done] { *is_done = true; };
  {
    GlobalHooks hooks;
    hooks.create_thread = [](pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) { return EAGAIN; };
    const ScopedGlobalHooks scoped(hooks);
    EXPECT_EQ(reader.Read({file, 0, 5000, 0}, done), -EAGAIN);
  }
  EXPECT(!*is_done);
  EXPECT_EQ(reader.Read({file, 0, 5000, 0}, done), 0);
  for (int i = 0; i < 2000 && !(*is_done && file.use_count() == 1); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT(*is_done);
  EXPECT_EQ(file.use_count(), 1L);
  const std::lock_guard lock(disk.mutex);
  EXPECT_EQ(disk.touched_until, uint64_t{5000});
}

TEST(DisksAtOnce, "disk: several files are waited for at once") {
  std::vector<std::unique_ptr<Disk>> disks;
  std::vector<std::unique_ptr<Subject>> subjects;
  for (ItemId i = 0; i < 4; ++i) {
    disks.push_back(std::make_unique<Disk>(5000));
    subjects.push_back(std::make_unique<Subject>(ConnectTcp()));
    EXPECT_EQ(subjects[i]->queue->SendRange(1, {disks[i]->Open(), 0, 5000, 0}), kPending);
  }
  for (const auto& disk : disks) EXPECT(disk->gate.WaitForArrival());
  for (const auto& disk : disks) disk->gate.Open();
  for (const auto& subject : subjects) EXPECT_EQ(subject->sink->OutcomeOf(1), 0);
}

}  // namespace
}  // namespace ktls::test
