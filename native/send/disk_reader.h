// Reads files into the page cache, on threads of its own: sendfile(2) waits for the disk, and while a sender's thread
// waits, so do all its sockets.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

#include "page_cache.h"

namespace ktls {

class DiskReader {
 public:
  // The process's; it and its threads live as long. A thread starts when all others are reading.
  static DiskReader& Instance();

  DiskReader() = default;
  DiskReader(const DiskReader&) = delete;
  DiskReader& operator=(const DiskReader&) = delete;

  // Calls `done`, on a thread of this reader, when the window has been read or cannot be. 0 or -errno: it never will.
  int Read(FileWindow window, std::function<void()> done);

 private:
  static constexpr size_t kMaxThreads = 4;

  struct Job {
    FileWindow window;
    std::function<void()> done;
  };

  static void* Main(void* disk_reader);
  [[noreturn]] void Run();

  std::mutex mutex_;  // taken under a queue's, never the reverse
  std::condition_variable work_;
  std::deque<Job> jobs_;  // these three under `mutex_`
  size_t threads_ = 0;
  size_t idle_ = 0;
};

}  // namespace ktls
