#include "outbox.h"

#include <utility>

namespace ktls {

void Outbox::Push(const Completion& completion) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(completion);
}

void Outbox::Flush() {
  std::unique_lock lock(mutex_);
  if (delivering_) return;
  delivering_ = true;
  while (!waiting_.empty()) {
    const std::deque<Completion> batch = std::exchange(waiting_, {});
    lock.unlock();
    for (const Completion& completion : batch) sink_->Deliver(completion);
    lock.lock();
  }
  delivering_ = false;
}

bool Outbox::IsIdle() const {
  const std::lock_guard lock(mutex_);
  return waiting_.empty() && !delivering_;
}

}  // namespace ktls
