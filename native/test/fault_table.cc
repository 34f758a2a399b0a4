#include "fault_table.h"

#include <string.h>

#include <cerrno>
#include <initializer_list>
#include <utility>

namespace ktls::test {

namespace {

// The errors are those of Linux man-pages 6.03, section ERRORS of each call's page, and those that the pages of the
// socket underneath add. Left out, because something else stands for it or because it cannot be:
//
// - Second names and second reasons of one errno, which a caller cannot tell apart: EWOULDBLOCK; EINVAL for O_APPEND
//   (sendfile(2)), for EPOLLEXCLUSIVE (epoll_ctl(2)) or for a timerfd (read(2)); EAGAIN for want of a port (send(2)).
// - read(2) and write(2) on the eventfd: all that eventfd(2) rules out (EDESTADDRREQ, EDQUOT, EFBIG, EIO, EISDIR,
//   ENOSPC, EPERM, EPIPE). An empty counter and a full one (EAGAIN) and a signal are left. EBADF, EFAULT and EINVAL
//   would be a bug of our own, and the thread would have nobody to tell.
// - getsockopt(2), setsockopt(2), ioctl(2), shutdown(2), epoll_ctl(2): EINTR and EAGAIN. No page has them; the kernel
//   waits for their locks without heeding signals.
// - EINTR for ever, a signal that never ends: three in a row stand for it. The sender's threads block all signals.
// - epoll_wait(2) failing for ever: the thread would spin, but the set is its own and stays valid. So with the eventfd.
// - A byte at a time for ever: halves and all but one byte stand for it. An empty send queue (SIOCOUTQ) for ever: TCP
//   accepted nothing, and nothing completes (acceptance_test.cc).
// - lseek(2), and fcntl(2) of a socket: the binding's, before there is a queue.
// - A connection that is reset is no errno of a question about it, but a state: acceptance_test.cc, sender_test.cc.
constexpr size_t kThrice = 3;
constexpr size_t kForEver = Fault::kForEver;

class Table {
 public:
  void Errors(SystemCall call, Effect effect, size_t repeats, std::initializer_list<int> errors) {
    for (const int error : errors) faults_.push_back({call, FaultKind::kErrno, error, effect, repeats});
  }
  void Short(SystemCall call, FaultKind kind, Effect effect, size_t repeats, int error = 0) {
    faults_.push_back({call, kind, error, effect, repeats});
  }
  std::vector<Fault> Take() { return std::move(faults_); }

 private:
  std::vector<Fault> faults_;
};

void AddSendfile(Table* table) {
  constexpr auto kCall = SystemCall::kSendfile;
  table->Errors(kCall, Effect::kFull, kForEver, {EAGAIN});
  table->Errors(kCall, Effect::kNone, kThrice, {EINTR});
  // "NOTES: applications may wish to fall back [...] where sendfile() fails with EINVAL or ENOSYS."
  table->Errors(kCall, Effect::kFallback, kForEver, {EINVAL, ENOSYS, EOPNOTSUPP});
  table->Errors(kCall, Effect::kFailure, kForEver, {EBADF, EFAULT, EIO, ENOMEM, EOVERFLOW, ESPIPE});
  // The socket's: send(2), tcp(7), ip(7); EBADMSG where kernel TLS had to give the connection up.
  table->Errors(kCall, Effect::kFailure, kForEver,
                {ECONNRESET, EPIPE, ETIMEDOUT, ENOTCONN, ENOBUFS, EMSGSIZE, EHOSTUNREACH, ENETUNREACH, EBADMSG});
  table->Short(kCall, FaultKind::kNothing, Effect::kFailure, kForEver, ENODATA);  // the file has ended
  table->Short(kCall, FaultKind::kOneByte, Effect::kNone, kThrice);
  table->Short(kCall, FaultKind::kHalf, Effect::kNone, kForEver);
  table->Short(kCall, FaultKind::kAllButOne, Effect::kNone, kForEver);
}

void AddSendmsg(Table* table) {
  for (const SystemCall call : {SystemCall::kSendBytes, SystemCall::kSendControl}) {
    table->Errors(call, Effect::kFull, kForEver, {EAGAIN});
    table->Errors(call, Effect::kNone, kThrice, {EINTR});
    table->Errors(call, Effect::kFailure, kForEver,
                  {EACCES, EALREADY, EBADF, ECONNRESET, EDESTADDRREQ, EFAULT, EINVAL, EISCONN, EMSGSIZE, ENOBUFS,
                   ENOMEM, ENOTCONN, ENOTSOCK, EOPNOTSUPP, EPIPE});
    // tcp(7), ip(7) and, as above, kernel TLS.
    table->Errors(call, Effect::kFailure, kForEver,
                  {EAFNOSUPPORT, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EPERM, EBADMSG});
    table->Short(call, FaultKind::kNothing, Effect::kFailure, kForEver, EIO);
  }
  table->Short(SystemCall::kSendBytes, FaultKind::kOneByte, Effect::kNone, kThrice);
  table->Short(SystemCall::kSendBytes, FaultKind::kHalf, Effect::kNone, kForEver);
  table->Short(SystemCall::kSendBytes, FaultKind::kAllButOne, Effect::kNone, kForEver);
  // A control record is taken whole or not at all; a piece of one cannot be made good.
  for (const FaultKind kind : {FaultKind::kOneByte, FaultKind::kHalf, FaultKind::kAllButOne}) {
    table->Short(SystemCall::kSendControl, kind, Effect::kFailure, kForEver, EIO);
  }
}

// pread(2) refers to read(2) and lseek(2).
void AddPread(Table* table) {
  constexpr auto kCall = SystemCall::kPread;
  table->Errors(kCall, Effect::kFull, kForEver, {EAGAIN});
  table->Errors(kCall, Effect::kNone, kThrice, {EINTR});
  table->Errors(kCall, Effect::kFailure, kForEver, {EBADF, EFAULT, EINVAL, EIO, EISDIR, ENXIO, EOVERFLOW, ESPIPE});
  table->Short(kCall, FaultKind::kNothing, Effect::kFailure, kForEver, ENODATA);
  table->Short(kCall, FaultKind::kOneByte, Effect::kNone, kThrice);
  table->Short(kCall, FaultKind::kHalf, Effect::kNone, kForEver);
  table->Short(kCall, FaultKind::kAllButOne, Effect::kNone, kForEver);
}

// Hints: whatever they say, the range is sent.
void AddDisk(Table* table) {
  const auto read_errors = {EBADF, EFAULT, EINTR, EINVAL, EIO, EISDIR, ENXIO, EOVERFLOW, ESPIPE};
  table->Errors(SystemCall::kPeek, Effect::kNone, kForEver, read_errors);
  table->Errors(SystemCall::kPeek, Effect::kNone, kForEver, {EAGAIN, EOPNOTSUPP, ENOSYS});
  table->Short(SystemCall::kPeek, FaultKind::kNothing, Effect::kNone, kForEver);
  table->Errors(SystemCall::kTouch, Effect::kNone, kThrice, read_errors);
  table->Errors(SystemCall::kTouch, Effect::kNone, kThrice, {EAGAIN});
  table->Short(SystemCall::kTouch, FaultKind::kNothing, Effect::kNone, kForEver);
  table->Errors(SystemCall::kReadAhead, Effect::kNone, kForEver, {EBADF, EINVAL});
}

void AddOptions(Table* table) {
  // Beyond setsockopt(2): EBUSY before Linux 6.14, ENOENT and ENOMEM where the cipher cannot be had (net/tls/tls_sw.c).
  table->Errors(SystemCall::kSetKeys, Effect::kFailure, kForEver,
                {EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK, EBUSY, ENOENT, ENOMEM});
  // Hints.
  table->Errors(SystemCall::kTcpHint, Effect::kNone, kForEver, {EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK});
  table->Errors(SystemCall::kReadSequence, Effect::kFailure, kForEver,
                {EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK, EBUSY});
  table->Errors(SystemCall::kTcpInfo, Effect::kFailure, kForEver, {EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK});
  table->Errors(SystemCall::kSendQueue, Effect::kFailure, kForEver, {EBADF, EFAULT, EINVAL, ENOTTY});
  // An acknowledgement between the two questions makes the sum too small; the next is right.
  table->Short(SystemCall::kSendQueue, FaultKind::kNothing, Effect::kNone, kThrice);
}

void AddEnds(Table* table) {
  table->Errors(SystemCall::kShutdown, Effect::kNone, kForEver, {EBADF, EINVAL, ENOTCONN, ENOTSOCK});
  table->Errors(SystemCall::kClose, Effect::kNone, kForEver, {EBADF, EINTR, EIO, ENOSPC, EDQUOT});
  table->Errors(SystemCall::kDuplicate, Effect::kRefused, kForEver, {EBADF, EINVAL, EMFILE});  // fcntl(2)
  table->Errors(SystemCall::kNowhere, Effect::kWaits, kForEver, {EINVAL, EMFILE, ENFILE, ENOMEM});
  table->Errors(SystemCall::kReplace, Effect::kWaits, kForEver, {EBADF, EBUSY, EINTR, EINVAL, EMFILE});  // dup(2)
}

void AddEvents(Table* table) {
  const auto errors = {EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC, EPERM};
  table->Errors(SystemCall::kWatch, Effect::kNone, kForEver, errors);
  table->Errors(SystemCall::kUnwatch, Effect::kNone, kForEver, errors);
  table->Errors(SystemCall::kEpollWait, Effect::kNone, kThrice, {EBADF, EFAULT, EINTR, EINVAL});
  table->Short(SystemCall::kEpollWait, FaultKind::kNothing, Effect::kNone, kThrice);
  table->Errors(SystemCall::kBriefWait, Effect::kNone, kForEver, {EFAULT, EINTR, EINVAL, ENOMEM});
  table->Short(SystemCall::kBriefWait, FaultKind::kNothing, Effect::kNone, kForEver);
  table->Errors(SystemCall::kWakeRead, Effect::kNone, kThrice, {EAGAIN, EINTR});
  table->Errors(SystemCall::kWakeWrite, Effect::kNone, kThrice, {EAGAIN, EINTR});
}

void AddStart(Table* table) {
  table->Errors(SystemCall::kEpollCreate, Effect::kNoThread, kForEver, {EINVAL, EMFILE, ENFILE, ENOMEM});
  table->Errors(SystemCall::kEventFd, Effect::kNoThread, kForEver, {EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM});
  table->Errors(SystemCall::kWatchWake, Effect::kNoThread, kForEver,
                {EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC, EPERM});
  table->Errors(SystemCall::kCreateThread, Effect::kNoThread, kForEver, {EAGAIN, EINVAL, EPERM});
}

std::vector<Fault> MakeTable() {
  Table table;
  for (const auto add : {AddSendfile, AddSendmsg, AddPread, AddDisk, AddOptions, AddEnds, AddEvents, AddStart})
    add(&table);
  return table.Take();
}

}  // namespace

size_t Cut(FaultKind kind, size_t size) {
  if (kind == FaultKind::kOneByte) return std::min<size_t>(size, 1);
  if (kind == FaultKind::kHalf) return std::max<size_t>(size / 2, 1);
  if (kind == FaultKind::kAllButOne) return std::max<size_t>(size - 1, 1);
  return size;
}

const std::vector<Fault>& FaultTable() {
  static const std::vector<Fault> table = MakeTable();
  return table;
}

std::string NameOf(SystemCall call) {
  constexpr const char* kNames[kSystemCalls] = {
      "sendfile",
      "sendmsg",
      "sendmsg of a control record",
      "pread",
      "preadv2(RWF_NOWAIT)",
      "pread of a byte",
      "readahead",
      "setsockopt(TLS_TX)",
      "setsockopt(TCP_CORK or TCP_NOTSENT_LOWAT)",
      "getsockopt(TLS_TX)",
      "getsockopt(TCP_INFO)",
      "ioctl(SIOCOUTQ)",
      "shutdown",
      "epoll_ctl(ADD)",
      "epoll_ctl(DEL)",
      "epoll_wait",
      "ppoll",
      "read of the eventfd",
      "write to the eventfd",
      "close",
      "fcntl(F_DUPFD)",
      "epoll_create1 of a close",
      "dup3",
      "epoll_create1",
      "eventfd of a thread",
      "epoll_ctl(ADD) of the eventfd",
      "pthread_create",
  };
  return kNames[static_cast<size_t>(call)];
}

std::string NameOf(const Fault& fault) {
  constexpr const char* kKinds[] = {"", "nothing", "one byte", "half", "all but one byte"};
  return NameOf(fault.call) + ": " +
         (fault.kind == FaultKind::kErrno ? strerror(fault.error) : kKinds[static_cast<size_t>(fault.kind)]);
}

}  // namespace ktls::test
