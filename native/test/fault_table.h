// Every way in which a system call on the send path may fail, as its man page has it, and what a queue makes of it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace ktls::test {

// By what it is called for, not by its name alone.
enum class SystemCall {
  kSendfile,
  kSendBytes,    // sendmsg
  kSendControl,  // sendmsg with a record type
  kPread,        // where sendfile cannot
  kPeek,         // preadv2(RWF_NOWAIT): whether the file is in memory
  kTouch,        // pread of one byte, which a disk reader waits for
  kReadAhead,
  kSetKeys,       // setsockopt(TLS_TX) of a socket that has keys
  kTcpHint,       // setsockopt(TCP_CORK), setsockopt(TCP_NOTSENT_LOWAT)
  kReadSequence,  // getsockopt(TLS_TX)
  kTcpInfo,       // getsockopt(TCP_INFO)
  kSendQueue,     // ioctl(SIOCOUTQ)
  kShutdown,
  kWatch,      // epoll_ctl(EPOLL_CTL_ADD)
  kUnwatch,    // epoll_ctl(EPOLL_CTL_DEL)
  kEpollWait,  // of a sender's thread
  kBriefWait,  // ppoll: likewise, for less than a millisecond
  kWakeRead,   // read from its eventfd
  kWakeWrite,  // write to it
  kClose,      // of a queue's socket, its ranges' files and what a Close() puts in its place
  kDuplicate,  // fcntl(F_DUPFD_CLOEXEC) of a range's file
  kNowhere,    // epoll_create of a Close() while a thread is inside
  kReplace,    // dup3 of it to the socket's number
  kEpollCreate,
  kEventFd,    // of a sender's thread
  kWatchWake,  // epoll_ctl(EPOLL_CTL_ADD) of the eventfd
  kCreateThread,
};
constexpr size_t kSystemCalls = static_cast<size_t>(SystemCall::kCreateThread) + 1;

enum class FaultKind {
  kErrno,    // nothing is done, and errno is `error`
  kNothing,  // 0, likewise; of the send queue: as if it were empty
  kOneByte,  // these do less than asked
  kHalf,
  kAllButOne,
};

enum class Effect {
  kNone,      // every item completes
  kFull,      // so it does as soon as that is over; until then it waits
  kFailure,   // an item fails with `error`, those behind it are cancelled, and nothing more is sent
  kFallback,  // the range is read instead; if kernel TLS may hold a record open, kFailure
  kRefused,   // the item is not taken, and the queue goes on without it
  kNoThread,  // likewise, and nor is anything else before a thread can be started
  kWaits,     // Close() has to wait for the thread that is inside
};

struct Fault {
  static constexpr size_t kForEver = static_cast<size_t>(-1);

  SystemCall call;
  FaultKind kind;
  int error;  // what a caller of the queue is told, if anything
  Effect effect;
  size_t repeats;  // so many calls in a row may meet it; it is also tried with one
};

// How much of `size` a call does that does less than asked.
size_t Cut(FaultKind kind, size_t size);

const std::vector<Fault>& FaultTable();
std::string NameOf(SystemCall call);
std::string NameOf(const Fault& fault);

}  // namespace ktls::test
