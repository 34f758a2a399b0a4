// The sender's half of a queue: what one turn does.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "../kernel/cork.h"
#include "../kernel/system_calls.h"
#include "bytes_step.h"
#include "control_step.h"
#include "disk_reader.h"
#include "page_cache.h"
#include "queue_state.h"
#include "range_step.h"

namespace ktls {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// What an item counts for in its turn even if it is smaller: a turn of empty items must end as well.
constexpr size_t kMinItemCost = 4096;

// Whether TCP has accepted a parked record is nobody's event: EPOLLOUT comes when there is room, which may be before
// the TLS layer has used it (seen on Linux 6.1). So it is asked for, after such an event often, then seldom: a peer may
// leave as soon as it has the last byte, and whoever wrote it should have been told by then.
constexpr microseconds kFirstAcceptanceDelay{100};
constexpr microseconds kMaxAcceptanceDelay{50'000};

// A full socket is tried again after this even without an event: EAGAIN for want of TCP memory (tcp_mem, tcp(7)) rather
// than of send buffer is followed by none.
constexpr milliseconds kBlockedRetry{1000};
// Where epoll_ctl refused (ENOMEM, ENOSPC), and where nobody has said that the socket is full.
constexpr milliseconds kDoubtfulRetry{10};

StepResult SendStep(int socket_fd, bool kernel_tls, size_t limit, Item* item) {
  if (auto* range = std::get_if<RangeItem>(&item->content)) return SendRangeStep(socket_fd, kernel_tls, limit, range);
  if (auto* bytes = std::get_if<BytesItem>(&item->content)) {
    const iovec rest{bytes->bytes.data() + bytes->begin, bytes->bytes.size() - bytes->begin};
    const StepResult result = SendBytesStep(socket_fd, &rest, 1, limit);
    bytes->begin += result.taken;
    return result;
  }
  return SendControlStep(socket_fd, std::get<ControlItem>(item->content));
}

bool IsTakenWhole(const Item& item) {
  if (const auto* range = std::get_if<RangeItem>(&item.content)) return range->remaining == 0;
  if (const auto* bytes = std::get_if<BytesItem>(&item.content)) return bytes->begin == bytes->bytes.size();
  return item.taken == std::get<ControlItem>(item.content).bytes.size();
}

void Begin(Item* item) {
  if (std::exchange(item->begun, true)) return;
  if (auto* range = std::get_if<RangeItem>(&item->content)) range->progress_reported = Clock::now();
}

// When there is something new to say of how far a range has come.
Clock::time_point ProgressDue(const Item& item) {
  const auto* range = std::get_if<RangeItem>(&item.content);
  if (!range || range->progress_interval == milliseconds::zero()) return Clock::time_point::max();
  if (item.taken == range->progress_taken) return Clock::time_point::max();
  return range->progress_reported + range->progress_interval;
}

}  // namespace

Turn SocketQueue::RunTurn(int epoll_fd, const Wake& wake) {
  std::unique_lock lock(state_->mutex);
  const Turn turn = state_->RunTurn(shared_from_this(), epoll_fd, wake, &lock);
  lock.unlock();
  state_->outbox.Flush();
  return turn;
}

Turn SocketQueue::State::RunTurn(const std::shared_ptr<SocketQueue>& self, int epoll, const Wake& wake,
                                 std::unique_lock<std::mutex>* lock) {
  if (ended) return linger ? LingerOn(epoll) : Retire();
  attention = Attention::kSoon;
  if (wake.writable) acceptance_delay = microseconds::zero();
  // A send on a broken connection would take the socket's error away from libuv, whose reading is to report it; so
  // would SO_ERROR. The state tells enough.
  if (wake.broken && acceptance.ConnectionIsClosed(socket.get())) {
    CompleteAccepted();
    FailConnection(-ECONNRESET);
  }

  if (wake.writable || wake.broken || Clock::now() >= blocked_until) blocked = false;
  if (!blocked) {
    SendSome(self, lock);
    if (ended) return Retire();
    if (blocked) {
      const bool will_be_told = Watch(epoll, EPOLLOUT) && !seems_full;
      blocked_until = Clock::now() + (will_be_told ? kBlockedRetry : kDoubtfulRetry);
    }
  }
  CompleteAccepted();
  return Wait(epoll);
}

void SocketQueue::State::SendSome(const std::shared_ptr<SocketQueue>& self, std::unique_lock<std::mutex>* lock) {
  for (size_t spent = 0; spent < kBytesPerTurn && CanGoOn();) {
    if (key == Key::kDue && urgent.empty() && !std::holds_alternative<ControlItem>(items.front().content)) {
      if (const int error = QueueKeyUpdate()) return FailFirst(&items, error);
    }
    // The kernel would push an open record out before a control record, and may say EAGAIN or EINPROGRESS to that and
    // then send the control record as application data (before b6fe4c29bb51 of 2025).
    const bool closes_record = !urgent.empty() && RecordMayBeOpen();
    std::list<Item>* const from = urgent.empty() || closes_record ? &items : &urgent;
    const size_t limit = closes_record ? kBytesToCloseRecord : kBytesPerTurn - spent;
    Item* const item = &from->front();
    Begin(item);

    busy = true;
    lock->unlock();
    const StepResult result = SendStep(socket.get(), acceptance.kernel_tls(), limit, item);
    lock->lock();
    busy = false;

    CountTaken(item, result.taken);
    if (ended) return;
    if (result.error != 0 && result.error != -EAGAIN) return FailFirst(from, result.error);
    seems_full = result.seems_full;
    blocked = result.error == -EAGAIN || seems_full;
    if (stopped) CutShort(*std::exchange(stopped, std::nullopt));
    if (result.awaits_disk && !IsTakenWhole(*item)) {
      Uncork();  // a disk may take longer than the client should wait for what there is
      ReadFromDisk(self, &std::get<RangeItem>(item->content));
      continue;
    }
    if (!blocked && IsTakenWhole(*item)) {
      Uncork();
      if (const int error = TakeFirst(from)) return FailFirst(from, error);
    } else {
      ReportProgress(item);
      if (std::holds_alternative<RangeItem>(item->content)) Cork();
    }
    spent += std::max(result.taken, kMinItemCost);
  }
}

// There is more of it. Each call, and each acknowledgement, would let go of what there is in segments that are not
// full, and each segment wakes the client (docs/performance.md).
void SocketQueue::State::Cork() {
  if (!std::exchange(corked, true)) SetCork(socket.get(), true);
}

void SocketQueue::State::Uncork() {
  if (std::exchange(corked, false)) SetCork(socket.get(), false);
}

void SocketQueue::State::ReadFromDisk(const std::shared_ptr<SocketQueue>& self, RangeItem* range) {
  const size_t size = WindowSize(*range);
  const auto ahead = static_cast<size_t>(std::min(range->remaining - size, uint64_t{kFileWindowBytes}));
  // A queue that is gone meanwhile is not kept for it.
  auto done = [left = std::weak_ptr(self)] {
    if (const auto queue = left.lock()) queue->FileIsRead();
  };
  reading = DiskReader::Instance().Read({range->file, range->offset, size, ahead}, std::move(done)) == 0;
  range->in_memory_until = range->offset + size;  // if nobody can read it, sendfile has to wait
}

// On the disk reader's thread.
void SocketQueue::FileIsRead() {
  const std::lock_guard lock(state_->mutex);
  state_->reading = false;
  state_->Notify(shared_from_this());  // if it has ended, too: its thread still holds it
}

// Also of a range that has advanced a little and then stands still: who waits for it learns of it all the same.
void SocketQueue::State::ReportProgress(Item* item) {
  const Clock::time_point now = Clock::now();
  if (now < ProgressDue(*item)) return;
  auto& range = std::get<RangeItem>(item->content);
  range.progress_reported = now;
  range.progress_taken = item->taken;
  outbox.Push({item->id, static_cast<int32_t>(Outcome::kProgress), item->taken});
}

Turn SocketQueue::State::Wait(int epoll) {
  if (CanGoOn()) return {Turn::Next::kAgain};
  if (!HasItems()) blocked = false;
  if (!HasItems() && taken.empty()) {
    attention = Attention::kNone;
    return {Turn::Next::kDone};
  }

  attention = blocked ? Attention::kBlocked : Attention::kWaiting;
  Turn turn{Turn::Next::kWait, blocked ? blocked_until : Clock::time_point::max()};
  if (!items.empty()) {
    ReportProgress(&items.front());
    turn.deadline = std::min(turn.deadline, ProgressDue(items.front()));
  }
  if (!taken.empty()) {
    Watch(epoll, EPOLLOUT);  // if refused, the timer alone has to do
    acceptance_delay = std::clamp(acceptance_delay * 2, kFirstAcceptanceDelay, kMaxAcceptanceDelay);
    turn.deadline = std::min(turn.deadline, Clock::now() + acceptance_delay);
  }
  return turn;
}

// Edge-triggered and for good: a socket that nobody waits for is silent and costs no system call.
bool SocketQueue::State::Watch(int epoll, uint32_t events) {
  if (epoll_fd >= 0) return true;
  epoll_event event{};
  event.events = events | EPOLLET;
  event.data.u64 = id;
  if (system_calls.epoll_ctl(epoll, EPOLL_CTL_ADD, socket.get(), &event) < 0) return false;
  epoll_fd = epoll;
  return true;
}

Turn SocketQueue::State::LingerOn(int epoll) {
  // What has come before is read below; an edge tells of the rest.
  if (!Watch(epoll, EPOLLIN | EPOLLRDHUP)) return Retire();
  const Turn turn = linger->Continue(socket.get(), Clock::now());
  return turn.next == Turn::Next::kDone ? Retire() : turn;
}

// The queue ended while this thread was inside a system call, or since its last turn.
Turn SocketQueue::State::Retire() {
  attention = Attention::kNone;
  urgent.clear();
  items.clear();
  if (closed) TakeSocket();
  if (release_item) outbox.Push({*release_item, static_cast<int32_t>(Outcome::kReleased), 0});
  release_item.reset();
  return {Turn::Next::kDone};
}

}  // namespace ktls
