// A library for LD_PRELOAD that puts the fault table between the addon, inside a real Node.js, and the C library. Of
// the calls that come from the addon, and no others, those meet a fault that the control file says. Built by `make
// shim`.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

#include "fault_table.h"
#include "hooks.h"

namespace ktls::test {
namespace {

constexpr int kSolTls = 282;
constexpr char kAddonEnding[] = ".node";

// The control file: test/support/faults.ts writes the first part and reads the second. Numbers are 32 bits wide.
struct Control {
  std::atomic<int32_t> row;    // of the fault table; -1: none
  std::atomic<int32_t> skip;   // so many calls are let through first
  std::atomic<int32_t> times;  // so many are met then; -1: all
  std::atomic<int32_t> without_sendfile;

  std::atomic<int32_t> rows;
  std::atomic<int32_t> calls;  // of the row's system call, since the rest was written
  std::atomic<int32_t> met;
  std::atomic<int32_t> is_harmless;  // met once, it keeps nothing from completing
  char name[64];
};

// Shared with the test for as long as the process lasts; none: nothing ever fails.
Control* OpenControl() {
  const char* path = getenv("KTLS_PIPE_FAULTS");
  const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return nullptr;
  void* memory = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto* control = static_cast<Control*>(memory);
  control->rows = static_cast<int32_t>(FaultTable().size());
  return control;
}

Control* control() {
  static Control* const opened = OpenControl();
  return opened;
}

bool IsAddon(const void* caller) {
  Dl_info info;
  if (dladdr(caller, &info) == 0 || info.dli_fname == nullptr) return false;
  const size_t length = strlen(info.dli_fname);
  constexpr size_t kEnding = sizeof(kAddonEnding) - 1;
  return length > kEnding && strcmp(info.dli_fname + length - kEnding, kAddonEnding) == 0;
}

const Fault kNoSendfile{SystemCall::kSendfile, FaultKind::kErrno, EINVAL, Effect::kFallback, Fault::kForEver};

const Fault* Meet(std::initializer_list<SystemCall> kinds, const void* caller) {
  Control* const shared = control();
  if (shared == nullptr) return nullptr;
  const int32_t row = shared->row;
  if ((row < 0 && !shared->without_sendfile) || !IsAddon(caller)) return nullptr;
  const auto is_kind = [&kinds](SystemCall call) { return std::find(kinds.begin(), kinds.end(), call) != kinds.end(); };
  if (row >= 0 && row < shared->rows && is_kind(FaultTable()[static_cast<size_t>(row)].call)) {
    const Fault& fault = FaultTable()[static_cast<size_t>(row)];
    const int32_t call = shared->calls++;
    if (call == 0) {
      // A sendfile that has begun and is refused then may leave a record open.
      const bool goes_on = !(shared->without_sendfile && fault.call == SystemCall::kSendfile);
      shared->is_harmless = fault.effect == Effect::kNone && goes_on ? 1 : 0;
      strncpy(shared->name, NameOf(fault).c_str(), sizeof(shared->name) - 1);
    }
    if (call >= shared->skip && (shared->times < 0 || call < shared->skip + shared->times)) {
      ++shared->met;
      return &fault;
    }
  }
  return shared->without_sendfile && is_kind(SystemCall::kSendfile) ? &kNoSendfile : nullptr;
}

}  // namespace
}  // namespace ktls::test

using namespace ktls::test;  // NOLINT(google-build-using-namespace): everything below is extern "C"

#define KTLS_CALLER __builtin_return_address(0)
#define KTLS_REAL_AS(type, name)                                                        \
  ([] {                                                                                 \
    using Function = type;                                                              \
    static auto* const function = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, #name)); \
    return function;                                                                    \
  }())
#define KTLS_REAL(name) KTLS_REAL_AS(decltype(name), name)

extern "C" {

// The addon asks for some by their 64-bit names or by the plain ones, as it was built; here they are one.
#define KTLS_ALIAS(name) __attribute__((alias(#name)))

ssize_t sendfile(int socket_fd, int file_fd, off_t* offset, size_t count) noexcept {
  const Fault* fault = Meet({SystemCall::kSendfile}, KTLS_CALLER);
  auto* const real = KTLS_REAL(sendfile64);
  if (!fault) return real(socket_fd, file_fd, offset, count);
  if (fault->kind == FaultKind::kErrno) return FailWith(fault->error);
  if (fault->kind == FaultKind::kNothing) return 0;
  return real(socket_fd, file_fd, offset, Cut(fault->kind, count));
}
ssize_t sendfile64(int socket_fd, int file_fd, off_t* offset, size_t count) noexcept KTLS_ALIAS(sendfile);

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  const bool is_control = message->msg_controllen > 0;
  const Fault* fault = Meet({is_control ? SystemCall::kSendControl : SystemCall::kSendBytes}, KTLS_CALLER);
  if (!fault || message->msg_iovlen == 0) return KTLS_REAL(sendmsg)(fd, message, flags);
  if (fault->kind == FaultKind::kErrno) return FailWith(fault->error);
  if (fault->kind == FaultKind::kNothing) return 0;
  iovec first = message->msg_iov[0];
  first.iov_len = Cut(fault->kind, first.iov_len);
  msghdr head = *message;
  head.msg_iov = &first;
  head.msg_iovlen = 1;
  return KTLS_REAL(sendmsg)(fd, &head, flags);
}

// Of one byte: its page is waited for.
ssize_t pread(int fd, void* buffer, size_t count, off_t offset) {
  const Fault* fault = Meet({count == 1 ? SystemCall::kTouch : SystemCall::kPread}, KTLS_CALLER);
  auto* const real = KTLS_REAL(pread64);
  if (!fault) return real(fd, buffer, count, offset);
  if (fault->kind == FaultKind::kErrno) return FailWith(fault->error);
  if (fault->kind == FaultKind::kNothing) return 0;
  return real(fd, buffer, Cut(fault->kind, count), offset);
}
ssize_t pread64(int fd, void* buffer, size_t count, off_t offset) KTLS_ALIAS(pread);

ssize_t readahead(int fd, off64_t offset, size_t count) noexcept {
  const Fault* fault = Meet({SystemCall::kReadAhead}, KTLS_CALLER);
  return fault ? FailWith(fault->error) : KTLS_REAL(readahead)(fd, offset, count);
}

// preadv2(2) by its number.
long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  const Fault* fault = number == SYS_preadv2 ? Meet({SystemCall::kPeek}, KTLS_CALLER) : nullptr;
  if (fault) return fault->kind == FaultKind::kErrno ? FailWith(fault->error) : 0;
  const auto real = KTLS_REAL_AS(long(long, ...), syscall);
  return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

// TCP_ULP fails as TLS_TX does; nothing has happened yet then.
int setsockopt(int fd, int level, int name, const void* value, socklen_t size) {
  const bool is_hint = level == IPPROTO_TCP && (name == TCP_CORK || name == TCP_NOTSENT_LOWAT);
  const SystemCall call = is_hint ? SystemCall::kTcpHint : SystemCall::kSetKeys;
  const Fault* fault = level == kSolTls || level == IPPROTO_TCP ? Meet({call}, KTLS_CALLER) : nullptr;
  return fault ? FailWith(fault->error) : KTLS_REAL(setsockopt)(fd, level, name, value, size);
}

int getsockopt(int fd, int level, int name, void* value, socklen_t* size) {
  const Fault* fault = nullptr;
  if (level == kSolTls) fault = Meet({SystemCall::kReadSequence}, KTLS_CALLER);
  if (level == IPPROTO_TCP) fault = Meet({SystemCall::kTcpInfo}, KTLS_CALLER);
  return fault ? FailWith(fault->error) : KTLS_REAL(getsockopt)(fd, level, name, value, size);
}

int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list arguments;
  va_start(arguments, request);
  auto* argument = va_arg(arguments, int*);
  va_end(arguments);
  const Fault* fault = request == SIOCOUTQ ? Meet({SystemCall::kSendQueue}, KTLS_CALLER) : nullptr;
  if (fault && fault->kind == FaultKind::kErrno) return FailWith(fault->error);
  const int done = KTLS_REAL_AS(int(int, unsigned long, ...), ioctl)(fd, request, argument);
  if (fault) *argument = 0;
  return done;
}

int shutdown(int fd, int how) noexcept {
  const Fault* fault = Meet({SystemCall::kShutdown}, KTLS_CALLER);
  return fault ? FailWith(fault->error) : KTLS_REAL(shutdown)(fd, how);
}

int epoll_ctl(int epoll_fd, int operation, int fd, epoll_event* event) noexcept {
  const Fault* fault = operation == EPOLL_CTL_ADD ? Meet({SystemCall::kWatch, SystemCall::kWatchWake}, KTLS_CALLER)
                                                  : Meet({SystemCall::kUnwatch}, KTLS_CALLER);
  return fault ? FailWith(fault->error) : KTLS_REAL(epoll_ctl)(epoll_fd, operation, fd, event);
}

int epoll_wait(int epoll_fd, epoll_event* events, int capacity, int timeout_ms) {
  const Fault* fault = Meet({SystemCall::kEpollWait}, KTLS_CALLER);
  if (!fault) return KTLS_REAL(epoll_wait)(epoll_fd, events, capacity, timeout_ms);
  return fault->kind == FaultKind::kErrno ? FailWith(fault->error) : 0;
}

int ppoll(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* signals) {
  const Fault* fault = Meet({SystemCall::kBriefWait}, KTLS_CALLER);
  if (!fault) return KTLS_REAL(ppoll)(fds, count, timeout, signals);
  return fault->kind == FaultKind::kErrno ? FailWith(fault->error) : 0;
}

ssize_t read(int fd, void* buffer, size_t count) {
  const Fault* fault = Meet({SystemCall::kWakeRead}, KTLS_CALLER);
  return fault ? FailWith(fault->error) : KTLS_REAL(read)(fd, buffer, count);
}

ssize_t write(int fd, const void* buffer, size_t count) {
  const Fault* fault = Meet({SystemCall::kWakeWrite}, KTLS_CALLER);
  if (fault && fault->error == EAGAIN) {  // the counter is as high as it goes
    const uint64_t most = UINT64_MAX - 1;
    KTLS_REAL(write)(fd, &most, sizeof(most));
  }
  return fault ? FailWith(fault->error) : KTLS_REAL(write)(fd, buffer, count);
}

// Linux frees the number whatever it answers (close(2), NOTES).
int close(int fd) {
  const Fault* fault = Meet({SystemCall::kClose}, KTLS_CALLER);
  const int done = KTLS_REAL(close)(fd);
  return fault ? FailWith(fault->error) : done;
}

int fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  const Fault* fault = command == F_DUPFD_CLOEXEC ? Meet({SystemCall::kDuplicate}, KTLS_CALLER) : nullptr;
  return fault ? FailWith(fault->error) : KTLS_REAL_AS(int(int, int, ...), fcntl64)(fd, command, argument);
}
int fcntl64(int fd, int command, ...) KTLS_ALIAS(fcntl);

int dup3(int by_fd, int fd, int flags) noexcept {
  const Fault* fault = Meet({SystemCall::kReplace}, KTLS_CALLER);
  return fault ? FailWith(fault->error) : KTLS_REAL(dup3)(by_fd, fd, flags);
}

int epoll_create1(int flags) noexcept {
  const Fault* fault = Meet({SystemCall::kEpollCreate, SystemCall::kNowhere}, KTLS_CALLER);
  return fault ? FailWith(fault->error) : KTLS_REAL(epoll_create1)(flags);
}

int eventfd(unsigned int value, int flags) noexcept {
  const Fault* fault = Meet({SystemCall::kEventFd}, KTLS_CALLER);
  return fault ? FailWith(fault->error) : KTLS_REAL_AS(int(unsigned int, int), eventfd)(value, flags);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*main)(void*), void* argument) noexcept {
  const Fault* fault = Meet({SystemCall::kCreateThread}, KTLS_CALLER);
  return fault ? fault->error : KTLS_REAL(pthread_create)(thread, attributes, main, argument);
}

}  // extern "C"
