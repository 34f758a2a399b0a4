#include "disk_reader.h"

#include <linux/magic.h>
#include <pthread.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "../kernel/system_calls.h"
#include "detached_thread.h"
#include "socket_queue.h"

namespace ktls {

namespace {

// readahead(2) takes no more at once than the device's largest request, or its read_ahead_kb (128 by default).
constexpr size_t kReadAheadBytes = 128 * 1024;

// Another file system's error than "not in memory" is for sendfile to find; some cannot say what is in memory.
bool IsByteInMemory(int fd, uint64_t offset) {
  return system_calls.peek(fd, static_cast<off_t>(offset)) >= 0 || errno != EAGAIN;
}

// tmpfs has no other place for its files, unless they are swapped out, and does not answer the question above.
bool HasNoDisk(int fd) {
  struct statfs system {};
  return ::fstatfs(fd, &system) == 0 && (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC);
}

void WaitFor(int fd, uint64_t offset) {
  while (system_calls.touch(fd, static_cast<off_t>(offset)) < 0 && errno == EINTR) continue;
}

void ReadIn(const FileWindow& window) {
  const int fd = window.file->get();
  const uint64_t end = window.offset + window.size;
  const uint64_t end_ahead = end + window.ahead;
  for (uint64_t offset = window.offset; offset < end_ahead; offset += kReadAheadBytes) {
    const auto size = static_cast<size_t>(std::min<uint64_t>(kReadAheadBytes, end_ahead - offset));
    system_calls.read_ahead(fd, static_cast<off_t>(offset), size);
  }
  for (uint64_t offset = window.offset; offset < end; offset += kReadAheadBytes) WaitFor(fd, offset);
  WaitFor(fd, end - 1);
}

}  // namespace

bool AwaitsDisk(int file_fd, uint64_t offset, size_t size) {
  return !IsByteInMemory(file_fd, offset) || !IsByteInMemory(file_fd, offset + size - 1);
}

bool IsInMemory(int file_fd, uint64_t offset, size_t size) {
  constexpr size_t kStride = kReadAheadBytes / 2;
  const auto is_there = [file_fd](uint64_t at) {
    if (system_calls.peek(file_fd, static_cast<off_t>(at)) >= 0) return true;
    return errno == EOPNOTSUPP && HasNoDisk(file_fd);
  };
  for (size_t skip = 0; skip < size; skip += kStride) {
    if (!is_there(offset + skip)) return false;
  }
  return size == 0 || is_there(offset + size - 1);
}

DiskReader& DiskReader::Instance() {
  // Never destroyed: transfers may be in flight while the process exits.
  static DiskReader* const instance = std::make_unique<DiskReader>().release();
  return *instance;
}

int DiskReader::Read(FileWindow window, std::weak_ptr<SocketQueue> reader) {
  const std::lock_guard lock(mutex_);
  if (jobs_.size() >= idle_ && threads_ < kMaxThreads) {
    const int error = StartDetachedThread(Main, this);
    if (error && threads_ == 0) return error;
    if (!error) ++threads_;
  }
  jobs_.push_back({std::move(window), std::move(reader)});
  work_.notify_one();
  return 0;
}

void* DiskReader::Main(void* disk_reader) {
  pthread_setname_np(pthread_self(), "ktls-disk");
  static_cast<DiskReader*>(disk_reader)->Run();
}

void DiskReader::Run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    ++idle_;
    work_.wait(lock, [this] { return !jobs_.empty(); });
    --idle_;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();

    ReadIn(job.window);
    if (const auto queue = job.reader.lock()) queue->FileIsRead();
  }
}

}  // namespace ktls
