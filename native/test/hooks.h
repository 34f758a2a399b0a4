// Puts itself into the table of system calls, once, before the first thread starts; from then on a test may take over
// the calls on one descriptor, or those that are on none.
#pragma once

#include <cerrno>
#include <functional>
#include <memory>

#include "../kernel/system_calls.h"

namespace ktls::test {

void InstallHooks();

// What a system call does to fail.
inline int FailWith(int error) {
  errno = error;
  return -1;
}

// An empty function leaves the call as it is.
struct FdHooks {
  std::function<ssize_t(int socket_fd, int file_fd, off_t* offset, size_t count)> sendfile;  // by socket_fd
  std::function<ssize_t(int fd, const msghdr* message, int flags)> sendmsg;
  std::function<ssize_t(int fd, void* buffer, size_t count, off_t offset)> pread;
  std::function<ssize_t(int fd, off_t offset)> peek;
  std::function<ssize_t(int fd, off_t offset)> touch;
  std::function<int(int fd, off_t offset, size_t count)> read_ahead;
  std::function<ssize_t(int fd, const void* buffer, size_t count)> write;
  std::function<ssize_t(int fd, void* buffer, size_t count)> read;
  std::function<ssize_t(int fd, size_t count)> discard;
  std::function<int(int fd, int level, int name, const void* value, socklen_t size)> setsockopt;
  std::function<int(int fd, int level, int name, void* value, socklen_t* size)> getsockopt;
  std::function<int(int fd, int* bytes)> bytes_in_send_queue;
  std::function<int(int fd, int how)> shutdown;
  std::function<int(int fd)> close;
  std::function<int(int fd)> duplicate;
  std::function<int(int by_fd, int fd)> replace;  // by fd, whose hooks stay in force
  std::function<int(int epoll_fd, int operation, int fd, epoll_event* event)> epoll_ctl;  // by fd
  std::function<int(int epoll_fd, epoll_event* events, int capacity, int timeout_ms)> epoll_wait;
  std::function<int(int fd, const timespec* timeout)> poll_readable;
};

// In force until it is destroyed or the descriptor is closed.
class ScopedFdHooks {
 public:
  ScopedFdHooks(int fd, FdHooks hooks);
  ScopedFdHooks(const ScopedFdHooks&) = delete;
  ScopedFdHooks& operator=(const ScopedFdHooks&) = delete;
  ~ScopedFdHooks();

 private:
  const int fd_;
};

struct GlobalHooks {
  std::function<int()> epoll_create;
  std::function<int()> event_fd;
  std::function<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)> create_thread;
  std::function<void()> before_epoll_wait;
};

class ScopedGlobalHooks {
 public:
  explicit ScopedGlobalHooks(GlobalHooks hooks);
  ScopedGlobalHooks(const ScopedGlobalHooks&) = delete;
  ScopedGlobalHooks& operator=(const ScopedGlobalHooks&) = delete;
  ~ScopedGlobalHooks();
};

// The calls as they are without hooks.
const SystemCalls& RealCalls();

}  // namespace ktls::test
