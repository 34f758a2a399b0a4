// Completions on their way to the sink: in the order in which they came about, one at a time, never under a queue's
// lock. Two threads bring them about (the owner aborts and closes, the sender completes), whichever is there first
// delivers for both.
#pragma once

#include <deque>
#include <memory>
#include <mutex>

#include "completion.h"

namespace ktls {

class Outbox {
 public:
  explicit Outbox(std::shared_ptr<CompletionSink> sink) : sink_(std::move(sink)) {}

  // With the queue's lock held: that is what gives them their order.
  void Push(const Completion& completion);

  // Without the queue's lock.
  void Flush();

  // Nothing waits and nothing is being delivered: a result may be returned at once without overtaking another.
  bool IsIdle() const;

 private:
  const std::shared_ptr<CompletionSink> sink_;
  mutable std::mutex mutex_;  // taken with the queue's lock held or not; nothing is taken inside it
  std::deque<Completion> waiting_;
  bool delivering_ = false;
};

}  // namespace ktls
