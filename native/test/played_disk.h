// A file on a disk that a test waits for, or holds up.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "fixtures.h"
#include "hooks.h"

namespace ktls::test {

// A file none of which is in memory until it was touched; touching it passes the gate.
struct Disk {
  explicit Disk(size_t size) : content(Pattern(size)), file(MakeFile(content)) {}

  // A range's own descriptor, played.
  UniqueFd Open() {
    UniqueFd duplicate = Duplicate(file);
    FdHooks hooks;
    hooks.peek = [this](int, off_t offset) -> ssize_t {
      ++peeks;
      const std::lock_guard lock(mutex);
      return static_cast<uint64_t>(offset) < touched_until ? 1 : FailWith(EAGAIN);
    };
    hooks.touch = [this](int fd, off_t offset) {
      gate.Pass();
      const std::lock_guard lock(mutex);
      touched_until = std::max(touched_until, static_cast<uint64_t>(offset) + 1);
      return RealCalls().touch(fd, offset);
    };
    hooks.read_ahead = [this](int, off_t offset, size_t count) {
      const std::lock_guard lock(mutex);
      asked_until = std::max(asked_until, static_cast<uint64_t>(offset) + count);
      largest_request = std::max(largest_request, count);
      return 0;
    };
    scoped.push_back(std::make_unique<ScopedFdHooks>(duplicate.get(), std::move(hooks)));
    return duplicate;
  }

  const Bytes content;
  const UniqueFd file;
  Gate gate;
  std::atomic<int> peeks{0};
  std::mutex mutex;  // of what follows
  uint64_t touched_until = 0;
  uint64_t asked_until = 0;
  size_t largest_request = 0;
  std::vector<std::unique_ptr<ScopedFdHooks>> scoped;
};

}  // namespace ktls::test
