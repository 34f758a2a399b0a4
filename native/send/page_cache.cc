#include "page_cache.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>

#include "../kernel/system_calls.h"

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

}  // namespace ktls
