// An item that the owner's thread sends itself, since nothing is in front of it: a range as far as it goes, and of each
// item that was taken whole, whether it is complete already.
#include <cerrno>

#include "page_cache.h"
#include "queue_state.h"
#include "range_step.h"

namespace ktls {

namespace {
constexpr auto kPending = static_cast<int>(Submitted::kPending);
constexpr auto kComplete = static_cast<int>(Submitted::kComplete);
}  // namespace

int SocketQueue::State::SendAtOnce(Item* item) {
  auto& range = std::get<RangeItem>(item->content);
  const auto size = static_cast<size_t>(range.remaining);
  if (!IsInMemory(range.file->get(), range.offset, size)) return 0;
  range.in_memory_until = range.offset + size;
  item->begun = true;
  range.progress_reported = Clock::now();
  while (range.remaining > 0) {
    const auto limit = static_cast<size_t>(range.remaining);
    const StepResult result = SendRangeStep(socket.get(), acceptance.kernel_tls(), limit, &range);
    CountTaken(item, result.taken);
    if (result.error == -EAGAIN || result.seems_full) return 0;
    if (result.error != 0) return result.error;
  }
  return 0;
}

int SocketQueue::State::FinishAtOnce(const std::shared_ptr<SocketQueue>& self, const Item& item) {
  TakenItem settled;
  if (const int error = Settle(item, &settled)) return FailAtOnce(error);
  bool complete;
  if (const int error = IsCompleteAtOnce(settled, &complete)) return FailAtOnce(error);
  if (complete) return kComplete;
  AwaitAcceptance(settled);
  Notify(self);
  return kPending;
}

int SocketQueue::State::IsCompleteAtOnce(const TakenItem& settled, bool* complete) const {
  *complete = false;
  if (!taken.empty() || !outbox.IsIdle()) return 0;  // it would overtake what completes before it
  uint64_t accepted;
  bool connection_is_closed;
  const int error = acceptance.ReadAccepted(socket.get(), &accepted, &connection_is_closed);
  *complete = error == 0 && settled.target <= accepted;
  return error;
}

int SocketQueue::State::FailAtOnce(int error) {
  failed = true;
  return error;
}

}  // namespace ktls
