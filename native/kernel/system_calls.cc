#include "system_calls.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace ktls {

namespace {

ssize_t SendFile(int socket_fd, int file_fd, off_t* offset, size_t count) {
  return ::sendfile(socket_fd, file_fd, offset, count);
}

// By its number: musl's wrapper is younger than the call (Linux 4.14). The offset fits into the first of its two
// halves.
ssize_t Peek(int fd, off_t offset) {
  char byte;
  const iovec one{&byte, sizeof(byte)};
  return ::syscall(SYS_preadv2, fd, &one, 1, static_cast<long>(offset), 0L, RWF_NOWAIT);
}

ssize_t Touch(int fd, off_t offset) {
  char byte;
  return ::pread(fd, &byte, sizeof(byte), offset);
}

int ReadAhead(int fd, off_t offset, size_t count) { return static_cast<int>(::readahead(fd, offset, count)); }

ssize_t Discard(int fd, size_t count) { return ::recv(fd, nullptr, count, MSG_TRUNC | MSG_DONTWAIT); }

int BytesInSendQueue(int fd, int* bytes) { return ::ioctl(fd, SIOCOUTQ, bytes); }

int Duplicate(int fd) { return ::fcntl(fd, F_DUPFD_CLOEXEC, 0); }

int Replace(int by_fd, int fd) { return ::dup3(by_fd, fd, O_CLOEXEC); }

int EpollCreate() { return ::epoll_create1(EPOLL_CLOEXEC); }

int PollReadable(int fd, const timespec* timeout) {
  pollfd one{fd, POLLIN, 0};
  return ::ppoll(&one, 1, timeout, nullptr);
}

int EventFd() { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

}  // namespace

// Constant initialisation and no destructor: the sender's threads outlive main() and still use it while the process
// is being torn down.
SystemCalls system_calls = {
    SendFile, ::sendmsg,        ::pread, Peek,         Touch,        ReadAhead,        ::write,
    ::read,   Discard,          ::lseek, ::setsockopt, ::getsockopt, BytesInSendQueue, ::shutdown,
    ::close,  Duplicate,        Replace, EpollCreate,  ::epoll_ctl,  ::epoll_wait,     PollReadable,
    EventFd,  ::pthread_create,
};

}  // namespace ktls
