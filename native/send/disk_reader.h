// Reads files into the page cache, on threads of its own: sendfile(2) waits for the disk, and while a sender's thread
// waits, so do all its sockets.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "../kernel/unique_fd.h"

namespace ktls {

class SocketQueue;

// What is looked for in the page cache at once, and read if it is not there: as much as a socket sends in its turn.
constexpr size_t kFileWindowBytes = 1024 * 1024;

struct FileWindow {
  std::shared_ptr<const UniqueFd> file;  // its descriptor may outlive the range by one read from the disk
  uint64_t offset;
  size_t size;
  size_t ahead;  // bytes behind it that will be asked for next: begun, not waited for
};

// Whether sendfile(2) would have to wait for these bytes. Looks at the first and the last.
bool AwaitsDisk(int file_fd, uint64_t offset, size_t size);

// Whether these bytes are there, for a thread that must not wait: looks more closely, and a file system that cannot say
// (NFS, FUSE, some of overlayfs) is one that may have to be waited for.
bool IsInMemory(int file_fd, uint64_t offset, size_t size);

class DiskReader {
 public:
  // The process's; it and its threads live as long. A thread starts when all others are reading.
  static DiskReader& Instance();

  DiskReader() = default;
  DiskReader(const DiskReader&) = delete;
  DiskReader& operator=(const DiskReader&) = delete;

  // Calls reader->FileIsRead() when the window has been read, or cannot be. 0 or -errno: nothing will be read.
  int Read(FileWindow window, std::weak_ptr<SocketQueue> reader);

 private:
  static constexpr size_t kMaxThreads = 4;

  struct Job {
    FileWindow window;
    std::weak_ptr<SocketQueue> reader;
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
