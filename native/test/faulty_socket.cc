#include "faulty_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace ktls::test {

namespace {

constexpr size_t kRooms[] = {9'000, 20'000, 5'000};  // less than a record, more than one
constexpr int kStalled = 3;

size_t SizeOf(const msghdr& message) {
  size_t size = 0;
  for (size_t i = 0; i < message.msg_iovlen; ++i) size += message.msg_iov[i].iov_len;
  return size;
}

// Describes the message's first `size` bytes.
std::vector<iovec> Head(const msghdr& message, size_t size) {
  std::vector<iovec> parts;
  for (size_t i = 0; i < message.msg_iovlen && size > 0; ++i) {
    parts.push_back({message.msg_iov[i].iov_base, std::min(size, message.msg_iov[i].iov_len)});
    size -= parts.back().iov_len;
  }
  return parts;
}

GlobalHooks OnEpollCreate(std::function<int()> epoll_create) {
  GlobalHooks hooks;
  hooks.epoll_create = std::move(epoll_create);
  return hooks;
}

}  // namespace

FaultySocket::FaultySocket(Subject* subject, FaultySocketOptions options)
    : subject_(subject),
      options_(std::move(options)),
      tls_hooks_(options_.tls ? options_.tls->Hooks() : FdHooks()),
      global_hooks_(OnEpollCreate([this] { return OpenNowhere(); })),
      room_(kRooms[0]) {
  if (options_.is_slow) options_.tls->SetAccepting(false);
  Own(subject->socket_fd, Hooks());
}

// Of a descriptor that the queue has to close.
void FaultySocket::Own(int fd, FdHooks hooks) {
  hooks.close = [this](int closed_fd) { return Close(closed_fd); };
  hooks_.push_back(std::make_unique<ScopedFdHooks>(fd, std::move(hooks)));
  const std::lock_guard lock(mutex_);
  ++open_fds_;
}

UniqueFd FaultySocket::DuplicateFile(const UniqueFd& file) {
  FdHooks on_file;
  on_file.duplicate = [this](int fd) {
    return FailOr(SystemCall::kDuplicate, [fd] { return RealCalls().duplicate(fd); });
  };
  const ScopedFdHooks scoped(file.get(), std::move(on_file));
  UniqueFd duplicate = Duplicate(file);
  if (!duplicate.is_open()) return duplicate;
  Own(duplicate.get(), FileHooks());
  return duplicate;
}

FdHooks FaultySocket::FileHooks() {
  FdHooks hooks;
  hooks.pread = [this](int fd, void* buffer, size_t count, off_t offset) { return Read(fd, buffer, count, offset); };
  hooks.peek = [this](int fd, off_t offset) -> ssize_t {
    const Fault* fault = Meet(SystemCall::kPeek);
    if (fault) return fault->kind == FaultKind::kErrno ? FailWith(fault->error) : 0;
    return options_.is_on_disk ? FailWith(EAGAIN) : RealCalls().peek(fd, offset);
  };
  hooks.touch = [this](int fd, off_t offset) -> ssize_t {
    const Fault* fault = Meet(SystemCall::kTouch);
    if (fault) return fault->kind == FaultKind::kErrno ? FailWith(fault->error) : 0;
    return RealCalls().touch(fd, offset);
  };
  hooks.read_ahead = [this](int fd, off_t offset, size_t count) {
    const Fault* fault = Meet(SystemCall::kReadAhead);
    return fault ? FailWith(fault->error) : RealCalls().read_ahead(fd, offset, count);
  };
  return hooks;
}

FdHooks FaultySocket::Hooks() {
  FdHooks hooks;
  hooks.sendfile = [this](int socket_fd, int file_fd, off_t* offset, size_t count) -> ssize_t {
    if (leads_nowhere()) return RealCalls().sendfile(socket_fd, file_fd, offset, count);
    Hold(SystemCall::kSendfile);
    return options_.has_sendfile ? SendFile(file_fd, offset, count) : FailWith(EINVAL);
  };
  hooks.sendmsg = [this](int fd, const msghdr* message, int flags) {
    return leads_nowhere() ? RealCalls().sendmsg(fd, message, flags) : SendMessage(message, flags);
  };
  hooks.shutdown = [this](int fd, int how) {
    return FailOr(SystemCall::kShutdown, [fd, how] { return RealCalls().shutdown(fd, how); });
  };
  hooks.epoll_ctl = [this](int epoll_fd, int operation, int fd, epoll_event* event) {
    return Watch(epoll_fd, operation, fd, event);
  };
  hooks.setsockopt = [this](int fd, int level, int name, const void* value, socklen_t size) {
    const auto call = level == IPPROTO_TCP ? SystemCall::kTcpHint : SystemCall::kSetKeys;
    return FailOr(call, [&] {
      return options_.tls ? tls_hooks_.setsockopt(fd, level, name, value, size)
                          : RealCalls().setsockopt(fd, level, name, value, size);
    });
  };
  hooks.replace = [this](int by_fd, int fd) { return Replace(by_fd, fd); };
  if (options_.tls) AddTlsHooks(&hooks);
  return hooks;
}

void FaultySocket::AddTlsHooks(FdHooks* hooks) {
  hooks->getsockopt = [this](int fd, int level, int name, void* value, socklen_t* size) {
    const auto call = level == IPPROTO_TCP ? SystemCall::kTcpInfo : SystemCall::kReadSequence;
    return FailOr(call, [&] {
      const int done = tls_hooks_.getsockopt(fd, level, name, value, size);
      if (call == SystemCall::kTcpInfo && options_.is_slow) {  // accepts what there is, and nothing after it
        options_.tls->SetAccepting(true);
        options_.tls->SetAccepting(false);
      }
      return done;
    });
  };
  hooks->bytes_in_send_queue = [this](int fd, int* bytes) {
    const Fault* fault = Meet(SystemCall::kSendQueue);
    if (fault && fault->kind == FaultKind::kErrno) return FailWith(fault->error);
    const int done = tls_hooks_.bytes_in_send_queue(fd, bytes);
    if (fault) *bytes = 0;
    return done;
  };
}

const Fault* FaultySocket::Meet(SystemCall call) {
  const Fault* fault = FaultInjector::Instance().Next(call);
  const std::lock_guard lock(mutex_);
  if (fault) Blame(*fault);
  return fault;
}

void FaultySocket::StopBlaming() {
  const std::lock_guard lock(mutex_);
  is_blaming_ = false;
}

void FaultySocket::Blame(const Fault& fault) {
  const bool fails =
      fault.effect == Effect::kFailure || (fault.effect == Effect::kFallback && options_.tls && record_is_open_);
  if (fails && is_blaming_ && !failed_with_) failed_with_ = -fault.error;
}

template <typename Real>
int FaultySocket::FailOr(SystemCall call, Real real) {
  const Fault* fault = Meet(call);
  {
    const std::lock_guard lock(mutex_);
    is_misused_ |= leads_nowhere_;
  }
  return fault ? FailWith(fault->error) : real();
}

ssize_t FaultySocket::Send(SystemCall call, size_t size, const Sending& sending) {
  const Fault* fault = FaultInjector::Instance().Next(call);
  ssize_t sent = 0;
  if (fault && fault->kind == FaultKind::kErrno) {
    sent = FailWith(fault->error);
  } else if (!fault || fault->kind != FaultKind::kNothing) {
    const size_t limit = fault ? Cut(fault->kind, size) : size;
    size_t room;
    {
      const std::lock_guard lock(mutex_);
      room = std::min(limit, room_);
    }
    sent = sending(limit, room);
  }
  const int error = sent < 0 ? errno : 0;
  {
    const std::lock_guard lock(mutex_);
    if (sent > 0) CountSent(call, size, static_cast<size_t>(sent));
    // One that only cuts does nothing to a socket that is full.
    if (fault && (sent >= 0 || error == fault->error)) Blame(*fault);
  }
  if (error == EAGAIN) Refuse();
  errno = error;
  return sent;
}

void FaultySocket::CountSent(SystemCall call, size_t size, size_t sent) {
  sent_after_failure_ |= failed_with_.has_value();
  room_ -= sent;
  refusals_ = 0;
  if (call != SystemCall::kSendControl) taken_ += sent;
  record_is_open_ = call == SystemCall::kSendfile && sent < size;
}

void FaultySocket::Refuse() {
  bool stalled;
  {
    const std::lock_guard lock(mutex_);
    stalled = ++refusals_ == kStalled;
    if (refusals_ < kStalled) {
      if (refilled_ < options_.refills) room_ = kRooms[static_cast<size_t>(++refilled_) % std::size(kRooms)];
      Drain();
      // Entering the set again brings the event; what has not entered it yet gets one when it does.
      if (watching_epoll_fd_ >= 0) {
        RealCalls().epoll_ctl(watching_epoll_fd_, EPOLL_CTL_MOD, subject_->socket_fd, &watched_);
      }
    }
  }
  if (stalled) options_.on_stall();
}

void FaultySocket::Hold(SystemCall call) {
  if (options_.held == call && std::this_thread::get_id() != owner_) options_.on_held();
}

ssize_t FaultySocket::SendFile(int file_fd, off_t* offset, size_t count) {
  const int connection = subject_->connection.near.get();
  return Send(SystemCall::kSendfile, count, [&](size_t, size_t room) -> ssize_t {
    if (options_.tls) {
      options_.tls->SetRoom(room);
      return tls_hooks_.sendfile(connection, file_fd, offset, count);
    }
    return room == 0 ? FailWith(EAGAIN) : RealCalls().sendfile(connection, file_fd, offset, room);
  });
}

ssize_t FaultySocket::SendMessage(const msghdr* message, int flags) {
  const int connection = subject_->connection.near.get();
  const bool is_control = message->msg_controllen > 0;
  const auto call = is_control ? SystemCall::kSendControl : SystemCall::kSendBytes;
  bool sends_file;
  {
    const std::lock_guard lock(mutex_);
    sends_file = has_read_;
  }
  if (sends_file) Hold(call);
  return Send(call, SizeOf(*message), [&](size_t limit, size_t room) -> ssize_t {
    if (room == 0) return FailWith(EAGAIN);
    std::vector<iovec> parts = Head(*message, is_control ? limit : room);
    msghdr head = *message;
    head.msg_iov = parts.data();
    head.msg_iovlen = parts.size();
    if (!options_.tls) return RealCalls().sendmsg(connection, &head, flags);
    options_.tls->SetRoom(room);
    return tls_hooks_.sendmsg(connection, &head, flags);
  });
}

ssize_t FaultySocket::Read(int file_fd, void* buffer, size_t count, off_t offset) {
  Hold(SystemCall::kPread);
  {
    const std::lock_guard lock(mutex_);
    has_read_ = true;
  }
  const Fault* fault = Meet(SystemCall::kPread);
  if (!fault) return RealCalls().pread(file_fd, buffer, count, offset);
  if (fault->kind == FaultKind::kNothing) return 0;
  if (fault->kind != FaultKind::kErrno) return RealCalls().pread(file_fd, buffer, Cut(fault->kind, count), offset);
  if (fault->error == EAGAIN) Refuse();
  return FailWith(fault->error);
}

int FaultySocket::Watch(int epoll_fd, int operation, int fd, epoll_event* event) {
  const bool is_added = operation == EPOLL_CTL_ADD;
  return FailOr(is_added ? SystemCall::kWatch : SystemCall::kUnwatch, [&] {
    const std::lock_guard lock(mutex_);
    watching_epoll_fd_ = is_added ? epoll_fd : -1;
    watched_ = *event;
    return RealCalls().epoll_ctl(epoll_fd, operation, fd, event);
  });
}

int FaultySocket::OpenNowhere() {
  return FailOr(SystemCall::kNowhere, [this] {
    const int fd = RealCalls().epoll_create();
    Own(fd, {});
    return fd;
  });
}

int FaultySocket::Replace(int by_fd, int fd) {
  return FailOr(SystemCall::kReplace, [&] {
    const std::lock_guard lock(mutex_);
    const int done = RealCalls().replace(by_fd, fd);
    leads_nowhere_ = done >= 0;
    return done;
  });
}

// Linux frees the number whatever it answers, and another thread may have it by the next moment (close(2), NOTES).
int FaultySocket::Close(int fd) {
  const Fault* fault = Meet(SystemCall::kClose);
  const int done = RealCalls().close(fd);
  const std::lock_guard lock(mutex_);
  --open_fds_;
  closed_.notify_all();
  if (!fault) return done;
  decoys_.emplace_back(fcntl(subject_->connection.near.get(), F_DUPFD_CLOEXEC, fd));
  return FailWith(fault->error);
}

void FaultySocket::Drain() {
  if (options_.tls) return;
  uint8_t buffer[4096];
  for (;;) {
    const ssize_t count = recv(subject_->connection.far.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (count <= 0) return;
    arrived_.insert(arrived_.end(), buffer, buffer + count);
  }
}

void FaultySocket::GiveRoom(size_t bytes) {
  const std::lock_guard lock(mutex_);
  room_ = bytes;
}

size_t FaultySocket::taken() const {
  const std::lock_guard lock(mutex_);
  return taken_;
}

Bytes FaultySocket::arrived() {
  if (options_.tls) return options_.tls->application_data();
  const std::lock_guard lock(mutex_);
  Drain();
  return arrived_;
}

std::optional<int> FaultySocket::failed_with() const {
  const std::lock_guard lock(mutex_);
  return failed_with_;
}

bool FaultySocket::sent_after_failure() const {
  const std::lock_guard lock(mutex_);
  return sent_after_failure_;
}

bool FaultySocket::leads_nowhere() const {
  const std::lock_guard lock(mutex_);
  return leads_nowhere_;
}

bool FaultySocket::leads_to_connection() const {
  const std::lock_guard lock(mutex_);
  if (!decoys_.empty()) return false;  // closed, and the decoy is a descriptor of the connection
  int type;
  socklen_t size = sizeof(type);
  return RealCalls().getsockopt(subject_->socket_fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

bool FaultySocket::is_misused() const {
  const std::lock_guard lock(mutex_);
  return is_misused_;
}

bool FaultySocket::WaitUntilAllClosed(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  // A second close of the same number would have hit the decoy.
  return closed_.wait_for(lock, patience, [this] { return open_fds_ == 0; }) &&
         (!decoys_.empty() || !IsOpen(subject_->socket_fd)) &&
         std::all_of(decoys_.begin(), decoys_.end(), [](const UniqueFd& decoy) { return IsOpen(decoy.get()); });
}

}  // namespace ktls::test
