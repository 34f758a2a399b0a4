// The calls on one queue's descriptors, each of which may meet a fault, and what came of them. Underneath is the fake
// kernel TLS or, for plain bytes, the real AF_UNIX. There is room for little at a time: each time the socket is full,
// the other end takes what there is, and epoll says so. A send that has begun goes on with the connection whatever
// becomes of the number, as in the kernel; one that begins when the number leads elsewhere is the real call.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "fake_kernel_tls.h"
#include "fault_injector.h"
#include "fixtures.h"
#include "hooks.h"

namespace ktls::test {

struct FaultySocketOptions {
  FakeKernelTls* tls = nullptr;    // none: plain bytes
  bool has_sendfile = true;        // otherwise it says EINVAL
  bool is_on_disk = false;         // the file: it is never in memory
  bool is_slow = false;            // TCP accepts a record only after it has been asked whether it did
  int refills = 1'000'000;         // so often there is room again
  std::function<void()> on_stall;  // full, three times in a row: nothing will change any more
  SystemCall held = SystemCall::kSendfile;
  std::function<void()> on_held;  // inside each `held` call of the sender's thread; of sendmsg, once it sends a file
};

class FaultySocket {
 public:
  FaultySocket(Subject* subject, FaultySocketOptions options);

  // A range's own descriptor of the file. The file's duplication may fail.
  UniqueFd DuplicateFile(const UniqueFd& file);
  void GiveRoom(size_t bytes);
  // Every item has had its last word: a call that fails from now on must not fail the queue.
  void StopBlaming();

  size_t taken() const;
  // What arrived at the other end, whole records only.
  Bytes arrived();
  // Minus the error of a fault that must fail the queue.
  std::optional<int> failed_with() const;
  bool sent_after_failure() const;
  // Whether the queue closed each of its descriptors, and once. Its thread may do so later than Close().
  bool WaitUntilAllClosed(std::chrono::milliseconds patience);
  // Whether the socket's number was given to something else, and whether it is the connection's still.
  bool leads_nowhere() const;
  bool leads_to_connection() const;
  // Whether more than a send and the close followed that.
  bool is_misused() const;

 private:
  // `limit`: what the fault leaves of it; `room`: what the socket does.
  using Sending = std::function<ssize_t(size_t limit, size_t room)>;

  FdHooks Hooks();
  void AddTlsHooks(FdHooks* hooks);
  void Own(int fd, FdHooks hooks);
  const Fault* Meet(SystemCall call);
  void Blame(const Fault& fault);
  template <typename Real>
  int FailOr(SystemCall call, Real real);
  ssize_t Send(SystemCall call, size_t size, const Sending& sending);
  void CountSent(SystemCall call, size_t size, size_t sent);
  void Refuse();
  void Hold(SystemCall call);
  FdHooks FileHooks();
  ssize_t SendFile(int file_fd, off_t* offset, size_t count);
  ssize_t SendMessage(const msghdr* message, int flags);
  ssize_t Read(int file_fd, void* buffer, size_t count, off_t offset);
  int Watch(int epoll_fd, int operation, int fd, epoll_event* event);
  int OpenNowhere();
  int Replace(int by_fd, int fd);
  int Close(int fd);
  void Drain();

  Subject* const subject_;
  const FaultySocketOptions options_;
  const FdHooks tls_hooks_;
  std::vector<std::unique_ptr<ScopedFdHooks>> hooks_;
  const ScopedGlobalHooks global_hooks_;
  const std::thread::id owner_ = std::this_thread::get_id();

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable closed_;
  size_t room_;
  int refilled_ = 0;
  int refusals_ = 0;  // in a row
  bool record_is_open_ = false;
  bool has_read_ = false;  // by pread
  size_t taken_ = 0;
  Bytes arrived_;
  std::optional<int> failed_with_;
  bool is_blaming_ = true;
  bool sent_after_failure_ = false;
  int watching_epoll_fd_ = -1;
  epoll_event watched_{};
  bool leads_nowhere_ = false;
  bool is_misused_ = false;
  int open_fds_ = 0;
  std::vector<UniqueFd> decoys_;  // under the numbers of descriptors whose close() failed
};

}  // namespace ktls::test
