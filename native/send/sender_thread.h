// One thread of the sender: gives the queues that have work their turns, and otherwise sleeps in epoll_wait.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "../kernel/unique_fd.h"
#include "turn.h"

namespace ktls {

class SocketQueue;

class SenderThread {
 public:
  // Starts a thread that lasts as long as the process. 0 or -errno.
  static int Start(SenderThread** thread);

  // The queue has work. From any thread; a queue's lock may be held.
  void Schedule(std::shared_ptr<SocketQueue> queue);

 private:
  struct Entry {
    std::shared_ptr<SocketQueue> queue;
    Wake wake;
    bool ready = false;
    Clock::time_point deadline = Clock::time_point::max();
  };

  int Open();
  static void* Main(void* thread);
  [[noreturn]] void Run();
  // Until an event or the first timer. How long epoll_wait(2) may still wait then, in ms.
  int WaitBriefly();
  void TakeEvents(int timeout_ms);
  void TakeScheduled();
  void TakeExpired();
  void GiveTurns();
  void MakeReady(uint64_t id, Entry* entry);
  void SetDeadline(uint64_t id, Entry* entry, Clock::time_point deadline);

  UniqueFd epoll_;
  UniqueFd wake_;  // eventfd(2)

  std::mutex mutex_;
  std::vector<std::shared_ptr<SocketQueue>> scheduled_;  // under mutex_

  // The thread's own. Events and timers name a queue by its id, so that one for a queue that is gone finds nothing.
  std::unordered_map<uint64_t, Entry> entries_;
  std::vector<uint64_t> ready_;
  std::set<std::pair<Clock::time_point, uint64_t>> timers_;
};

}  // namespace ktls
