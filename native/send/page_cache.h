// Whether a file's bytes are in memory, and how they get there: sendfile(2) waits for the disk where they are not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "../kernel/unique_fd.h"

namespace ktls {

// What is looked for at once, and read if it is not there: as much as a socket sends in its turn.
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

// Waits until the window has been read, or cannot be.
void ReadIn(const FileWindow& window);

}  // namespace ktls
