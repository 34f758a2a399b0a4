#include "system_calls.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

namespace ktls {

namespace {

ssize_t SendFile(int socket_fd, int file_fd, off_t* offset, size_t count) {
  return ::sendfile(socket_fd, file_fd, offset, count);
}

ssize_t Discard(int fd, size_t count) { return ::recv(fd, nullptr, count, MSG_TRUNC | MSG_DONTWAIT); }

int BytesInSendQueue(int fd, int* bytes) { return ::ioctl(fd, SIOCOUTQ, bytes); }

int Duplicate(int fd) { return ::fcntl(fd, F_DUPFD_CLOEXEC, 0); }

int Replace(int by_fd, int fd) { return ::dup3(by_fd, fd, O_CLOEXEC); }

int EpollCreate() { return ::epoll_create1(EPOLL_CLOEXEC); }

int EventFd() { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

}  // namespace

// Constant initialisation and no destructor: the sender's threads outlive main() and still use it while the process
// is being torn down.
SystemCalls system_calls = {
    SendFile,     ::sendmsg,    ::pread,          ::write,    ::read,           Discard,   ::lseek,
    ::setsockopt, ::getsockopt, BytesInSendQueue, ::shutdown, ::close,          Duplicate, Replace,
    EpollCreate,  ::epoll_ctl,  ::epoll_wait,     EventFd,    ::pthread_create,
};

}  // namespace ktls
