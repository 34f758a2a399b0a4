// The sender: threads of our own (not libuv's pool, never the event loop) that work off socket queues. Files are
// brought into the page cache by others (disk_reader.h), so that a disk does not hold up all sockets of a thread.
//
// fork(2) without exec is not supported: the child has the queues but not the threads.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

namespace ktls {

class SenderThread;

class Sender {
 public:
  // The process's sender. It lives until the process ends, and so do its threads; each starts with the first queue that
  // it is to work off. The code must therefore never be unloaded (link with -z nodelete).
  static Sender& Instance();

  Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // For queues that have had no item yet; 0 is the default: the processors, but no more than 4.
  void SetThreads(uint32_t threads);

  // The thread that is to work off a queue, started if need be. 0 or -errno.
  int Assign(uint64_t queue_id, SenderThread** thread);

 private:
  static constexpr uint32_t kMaxThreads = 64;

  std::mutex mutex_;
  uint32_t threads_;
  std::array<SenderThread*, kMaxThreads> started_{};  // owned by themselves: they never end
};

}  // namespace ktls
