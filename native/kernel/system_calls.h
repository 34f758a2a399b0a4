// The system calls on sockets, files and epoll sets by which a session is handed over and bytes are sent, in one table,
// so that the native test program can make each of them fail, fall short or block. Left out are the loopback connection
// of the probes (probe.cc) and what only asks: fstat(2), fstatfs(2), getrlimit(2).
#pragma once

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

#include <cstddef>
#include <cstdint>

namespace ktls {

struct SystemCalls {
  ssize_t (*sendfile)(int socket_fd, int file_fd, off_t* offset, size_t count);
  ssize_t (*sendmsg)(int fd, const msghdr* message, int flags);
  ssize_t (*pread)(int fd, void* buffer, size_t count, off_t offset);
  ssize_t (*peek)(int fd, off_t offset);   // preadv2(RWF_NOWAIT) of one byte; EAGAIN: it is not in the page cache
  ssize_t (*touch)(int fd, off_t offset);  // pread(2) of one byte, which waits for it
  int (*read_ahead)(int fd, off_t offset, size_t count);  // readahead(2)
  ssize_t (*write)(int fd, const void* buffer, size_t count);
  ssize_t (*read)(int fd, void* buffer, size_t count);
  ssize_t (*discard)(int fd, size_t count);  // recv(MSG_TRUNC | MSG_DONTWAIT), tcp(7)
  off_t (*lseek)(int fd, off_t offset, int whence);
  int (*setsockopt)(int fd, int level, int name, const void* value, socklen_t size);
  int (*getsockopt)(int fd, int level, int name, void* value, socklen_t* size);
  int (*bytes_in_send_queue)(int fd, int* bytes);  // ioctl(SIOCOUTQ), tcp(7)
  int (*shutdown)(int fd, int how);
  int (*close)(int fd);
  int (*duplicate)(int fd);           // fcntl(F_DUPFD_CLOEXEC): a spawned child must not hold a connection open
  int (*replace)(int by_fd, int fd);  // dup3(O_CLOEXEC)
  int (*epoll_create)();              // epoll_create1(EPOLL_CLOEXEC)
  int (*epoll_ctl)(int epoll_fd, int operation, int fd, epoll_event* event);
  int (*epoll_wait)(int epoll_fd, epoll_event* events, int capacity, int timeout_ms);
  int (*poll_readable)(int fd, const timespec* timeout);  // ppoll(2)
  int (*event_fd)();                                      // eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
  int (*create_thread)(pthread_t* thread, const pthread_attr_t* attributes, void* (*main)(void*), void* argument);
};

// Written by tests before the first thread starts, and by nobody else.
extern SystemCalls system_calls;

}  // namespace ktls
