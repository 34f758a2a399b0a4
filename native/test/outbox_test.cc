// Completions: one at a time, in order, whichever thread brings them about, and never under a queue's lock.
#include "../send/outbox.h"

#include <atomic>
#include <thread>

#include "../send/sender.h"
#include "fixtures.h"
#include "test.h"

namespace ktls::test {
namespace {

// Holds the first delivery up.
class HeldSink : public RecordingSink {
 public:
  void Deliver(const Completion& completion) override {
    EXPECT_EQ(inside_.fetch_add(1), 0);
    gate.Pass();
    RecordingSink::Deliver(completion);
    --inside_;
  }
  Gate gate;

 private:
  std::atomic<int> inside_{0};
};

struct HeldDelivery {
  HeldDelivery() {
    queue = SocketQueue::Open(&Sender::Instance(), Duplicate(connection.near), std::nullopt, {}, sink);
    EXPECT_EQ(queue->SendRange(1, {Duplicate(file), 0, 1000, 0}), kPending);
    EXPECT(sink->gate.WaitForArrival());
  }

  const UniqueFd file = MakeFile(Pattern(1000));
  Connection connection = ConnectTcp();
  std::shared_ptr<HeldSink> sink = std::make_shared<HeldSink>();
  std::shared_ptr<SocketQueue> queue;
};

TEST(NotAhead, "outbox: while a completion is being told, nothing completes at once") {
  HeldDelivery held;
  const iovec bytes{const_cast<char*>("x"), 1};
  EXPECT_EQ(held.queue->SendBytes(2, &bytes, 1), kPending);
  held.sink->gate.Open();
  EXPECT_EQ(held.sink->OutcomeOf(2), 0);
  EXPECT(held.sink->Order() == (std::vector<ItemId>{1, 2}));
}

TEST(OneDeliverer, "outbox: a close meanwhile neither waits nor overtakes") {
  HeldDelivery held;
  EXPECT_EQ(held.queue->SendRange(2, {Duplicate(held.file), 0, 1000, 0}), kPending);
  EXPECT(held.queue->Close(3, false));
  EXPECT(held.sink->all().empty());
  held.sink->gate.Open();
  EXPECT_EQ(held.sink->OutcomeOf(2), -ECANCELED);
  EXPECT(held.sink->Order() == (std::vector<ItemId>{1, 2}));
}

// Submits from within, as JavaScript might if it were called there.
class SubmittingSink : public RecordingSink {
 public:
  void Deliver(const Completion& completion) override {
    const iovec bytes{const_cast<char*>("again"), 5};
    if (completion.item < 5) EXPECT(queue->SendBytes(completion.item + 1, &bytes, 1) >= 0);
    RecordingSink::Deliver(completion);
  }
  std::shared_ptr<SocketQueue> queue;
};

TEST(NoLockHeld, "outbox: a completion may submit to its own queue") {
  const UniqueFd file = MakeFile(Pattern(1000));
  const Connection connection = ConnectTcp();
  const auto sink = std::make_shared<SubmittingSink>();
  sink->queue = SocketQueue::Open(&Sender::Instance(), Duplicate(connection.near), std::nullopt, {}, sink);
  sink->queue->SendRange(1, {Duplicate(file), 0, 1000, 0});
  EXPECT_EQ(sink->OutcomeOf(5), 0);
  sink->queue->Close(100, false);
  sink->queue.reset();
}

TEST(ManyWriters, "outbox: many threads push and flush, and none is lost or told twice") {
  const auto sink = std::make_shared<RecordingSink>();
  Outbox outbox(sink);
  std::vector<std::thread> threads;
  for (ItemId thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&outbox, thread] {
      for (ItemId i = 0; i < 1000; ++i) {
        outbox.Push({thread * 1000 + i, 0, i});
        outbox.Flush();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT(outbox.IsIdle());
  const std::vector<Completion> all = sink->all();
  EXPECT_EQ(all.size(), size_t{4000});
  std::vector<uint64_t> next(4);
  for (const Completion& completion : all) EXPECT_EQ(completion.bytes_sent, next[completion.item / 1000]++);
}

}  // namespace
}  // namespace ktls::test
