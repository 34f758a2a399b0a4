#include "sender.h"

#include <algorithm>
#include <memory>
#include <thread>

#include "sender_thread.h"

namespace ktls {

namespace {

// Four encrypt faster than most networks are, and each costs a little where many processes serve.
constexpr uint32_t kMaxDefaultThreads = 4;

uint32_t DefaultThreads() { return std::clamp(std::thread::hardware_concurrency(), 1u, kMaxDefaultThreads); }

}  // namespace

Sender::Sender() : threads_(DefaultThreads()) {}

Sender& Sender::Instance() {
  // Never destroyed: transfers may be in flight while the process exits.
  static Sender* const instance = std::make_unique<Sender>().release();
  return *instance;
}

void Sender::SetThreads(uint32_t threads) {
  const std::lock_guard lock(mutex_);
  threads_ = threads == 0 ? DefaultThreads() : std::min(threads, kMaxThreads);
}

int Sender::Assign(uint64_t queue_id, SenderThread** thread) {
  const std::lock_guard lock(mutex_);
  SenderThread*& chosen = started_[queue_id % threads_];
  if (chosen == nullptr) {
    const int error = SenderThread::Start(&chosen);
    if (error) {
      // Fewer threads than asked for are better than none.
      const auto other = std::find_if(started_.begin(), started_.end(), [](SenderThread* t) { return t != nullptr; });
      if (other == started_.end()) return error;
      *thread = *other;
      return 0;
    }
  }
  *thread = chosen;
  return 0;
}

}  // namespace ktls
