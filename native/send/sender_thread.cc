#include "sender_thread.h"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>

#include "../kernel/system_calls.h"
#include "detached_thread.h"
#include "socket_queue.h"

namespace ktls {

namespace {

constexpr uint64_t kWakeId = 0;  // queue ids begin at 1
constexpr size_t kEventsPerWait = 64;

}  // namespace

int SenderThread::Start(SenderThread** thread) {
  auto created = std::make_unique<SenderThread>();
  if (const int error = created->Open()) return error;
  if (const int error = StartDetachedThread(Main, created.get())) return error;
  *thread = created.release();  // the running thread's
  return 0;
}

int SenderThread::Open() {
  epoll_ = UniqueFd(system_calls.epoll_create());
  if (!epoll_.is_open()) return -errno;
  wake_ = UniqueFd(system_calls.event_fd());
  if (!wake_.is_open()) return -errno;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeId;
  return system_calls.epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) < 0 ? -errno : 0;
}

void SenderThread::Schedule(std::shared_ptr<SocketQueue> queue) {
  bool first;
  {
    const std::lock_guard lock(mutex_);
    first = scheduled_.empty();
    scheduled_.push_back(std::move(queue));
  }
  if (!first) return;  // the thread has been woken for another and has not looked yet
  const uint64_t one = 1;
  // Can only fail with EAGAIN, when the counter is about to overflow: then the thread is awake anyhow.
  while (system_calls.write(wake_.get(), &one, sizeof(one)) < 0 && errno == EINTR) continue;
}

void* SenderThread::Main(void* thread) {
  pthread_setname_np(pthread_self(), "ktls-sender");
  static_cast<SenderThread*>(thread)->Run();
}

void SenderThread::Run() {
  for (;;) {
    TakeEvents(WaitBriefly());
    TakeScheduled();
    TakeExpired();
    GiveTurns();
  }
}

int SenderThread::WaitBriefly() {
  using std::chrono::milliseconds, std::chrono::nanoseconds;
  if (!ready_.empty()) return 0;
  if (timers_.empty()) return -1;
  const nanoseconds left = timers_.begin()->first - Clock::now();
  if (left <= nanoseconds::zero()) return 0;
  if (left >= milliseconds(1)) {
    return static_cast<int>(std::min<int64_t>(std::chrono::ceil<milliseconds>(left).count(), INT_MAX));
  }
  // epoll_pwait2(2) is too young (Linux 5.11) and unknown to many seccomp filters. Whatever ends this early is seen by
  // epoll_wait or, if it was an error, tried again.
  const timespec timeout{0, static_cast<long>(left.count())};
  system_calls.poll_readable(epoll_.get(), &timeout);
  return 0;
}

void SenderThread::TakeEvents(int timeout_ms) {
  std::array<epoll_event, kEventsPerWait> events;
  const int count = system_calls.epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    if (event.data.u64 == kWakeId) {
      uint64_t counter;
      while (system_calls.read(wake_.get(), &counter, sizeof(counter)) < 0 && errno == EINTR) continue;
      continue;
    }
    const auto found = entries_.find(event.data.u64);
    if (found == entries_.end()) continue;  // an idle queue, or one that is gone
    Entry& entry = found->second;
    entry.wake.writable |= (event.events & EPOLLOUT) != 0;
    entry.wake.broken |= (event.events & (EPOLLERR | EPOLLHUP)) != 0;
    MakeReady(found->first, &entry);
  }
}

void SenderThread::TakeScheduled() {
  std::vector<std::shared_ptr<SocketQueue>> scheduled;
  {
    const std::lock_guard lock(mutex_);
    scheduled.swap(scheduled_);
  }
  for (std::shared_ptr<SocketQueue>& queue : scheduled) {
    const uint64_t id = queue->id();
    Entry& entry = entries_[id];
    entry.queue = std::move(queue);
    MakeReady(id, &entry);
  }
}

void SenderThread::TakeExpired() {
  if (timers_.empty()) return;
  const Clock::time_point now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const uint64_t id = timers_.begin()->second;
    MakeReady(id, &entries_.at(id));
  }
}

// One turn each, in the order in which they became ready: no socket waits longer than the others' bounded turns.
void SenderThread::GiveTurns() {
  std::vector<uint64_t> round;
  round.swap(ready_);
  for (const uint64_t id : round) {
    const auto found = entries_.find(id);
    Entry& entry = found->second;
    entry.ready = false;
    const Turn turn = entry.queue->RunTurn(epoll_.get(), std::exchange(entry.wake, {}));
    switch (turn.next) {
      case Turn::Next::kAgain:
        MakeReady(id, &entry);
        break;
      case Turn::Next::kWait:
        SetDeadline(id, &entry, turn.deadline);
        break;
      case Turn::Next::kDone:
        entries_.erase(found);
        break;
    }
  }
}

void SenderThread::MakeReady(uint64_t id, Entry* entry) {
  SetDeadline(id, entry, Clock::time_point::max());
  if (std::exchange(entry->ready, true)) return;
  ready_.push_back(id);
}

void SenderThread::SetDeadline(uint64_t id, Entry* entry, Clock::time_point deadline) {
  constexpr auto kNever = Clock::time_point::max();
  if (entry->deadline != kNever) timers_.erase({entry->deadline, id});
  entry->deadline = deadline;
  if (deadline != kNever) timers_.insert({deadline, id});
}

}  // namespace ktls
