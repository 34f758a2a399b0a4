#include "hooks.h"

#include <mutex>
#include <unordered_map>
#include <utility>

namespace ktls::test {

namespace {

SystemCalls real_calls;

// Never destroyed: the sender's threads make calls for as long as the process lasts.
struct Registry {
  std::mutex mutex;  // guards the hooks; never held while one runs, since some block
  std::unordered_map<int, std::shared_ptr<const FdHooks>> fd_hooks;
  std::shared_ptr<const GlobalHooks> global_hooks = std::make_shared<GlobalHooks>();
};
Registry& registry = *std::make_unique<Registry>().release();

std::shared_ptr<const GlobalHooks> Global() {
  const std::lock_guard lock(registry.mutex);
  return registry.global_hooks;
}

// What it removed is for the caller to destroy without the lock.
std::shared_ptr<const FdHooks> Remove(int fd) {
  const std::lock_guard lock(registry.mutex);
  const auto found = registry.fd_hooks.find(fd);
  if (found == registry.fd_hooks.end()) return nullptr;
  std::shared_ptr<const FdHooks> removed = std::move(found->second);
  registry.fd_hooks.erase(found);
  return removed;
}

// Runs the hook that `member` names for `fd`, or else the real call.
template <typename Member, typename Real, typename... Arguments>
auto Call(int fd, Member member, Real real, Arguments... arguments) {
  std::shared_ptr<const FdHooks> hooks;
  {
    const std::lock_guard lock(registry.mutex);
    const auto found = registry.fd_hooks.find(fd);
    if (found != registry.fd_hooks.end()) hooks = found->second;
  }
  if (hooks && (*hooks).*member) return ((*hooks).*member)(arguments...);
  return real(arguments...);
}

ssize_t SendFile(int socket_fd, int file_fd, off_t* offset, size_t count) {
  return Call(socket_fd, &FdHooks::sendfile, real_calls.sendfile, socket_fd, file_fd, offset, count);
}
ssize_t SendMessage(int fd, const msghdr* message, int flags) {
  return Call(fd, &FdHooks::sendmsg, real_calls.sendmsg, fd, message, flags);
}
ssize_t PositionedRead(int fd, void* buffer, size_t count, off_t offset) {
  return Call(fd, &FdHooks::pread, real_calls.pread, fd, buffer, count, offset);
}
ssize_t Peek(int fd, off_t offset) { return Call(fd, &FdHooks::peek, real_calls.peek, fd, offset); }
ssize_t Touch(int fd, off_t offset) { return Call(fd, &FdHooks::touch, real_calls.touch, fd, offset); }
int ReadAhead(int fd, off_t offset, size_t count) {
  return Call(fd, &FdHooks::read_ahead, real_calls.read_ahead, fd, offset, count);
}
ssize_t Write(int fd, const void* buffer, size_t count) {
  return Call(fd, &FdHooks::write, real_calls.write, fd, buffer, count);
}
ssize_t Read(int fd, void* buffer, size_t count) {
  return Call(fd, &FdHooks::read, real_calls.read, fd, buffer, count);
}
ssize_t Discard(int fd, size_t count) { return Call(fd, &FdHooks::discard, real_calls.discard, fd, count); }
int SetOption(int fd, int level, int name, const void* value, socklen_t size) {
  return Call(fd, &FdHooks::setsockopt, real_calls.setsockopt, fd, level, name, value, size);
}
int GetOption(int fd, int level, int name, void* value, socklen_t* size) {
  return Call(fd, &FdHooks::getsockopt, real_calls.getsockopt, fd, level, name, value, size);
}
int BytesInSendQueue(int fd, int* bytes) {
  return Call(fd, &FdHooks::bytes_in_send_queue, real_calls.bytes_in_send_queue, fd, bytes);
}
int Shutdown(int fd, int how) { return Call(fd, &FdHooks::shutdown, real_calls.shutdown, fd, how); }
int EpollControl(int epoll_fd, int operation, int fd, epoll_event* event) {
  return Call(fd, &FdHooks::epoll_ctl, real_calls.epoll_ctl, epoll_fd, operation, fd, event);
}
int Close(int fd) {
  const auto hooks = Remove(fd);  // the number may come back as another socket's
  return hooks && hooks->close ? hooks->close(fd) : real_calls.close(fd);
}
int DuplicateFd(int fd) { return Call(fd, &FdHooks::duplicate, real_calls.duplicate, fd); }
int Replace(int by_fd, int fd) { return Call(fd, &FdHooks::replace, real_calls.replace, by_fd, fd); }
int EpollCreate() {
  const auto hooks = Global();
  return hooks->epoll_create ? hooks->epoll_create() : real_calls.epoll_create();
}
int EventFd() {
  const auto hooks = Global();
  return hooks->event_fd ? hooks->event_fd() : real_calls.event_fd();
}
int CreateThread(pthread_t* thread, const pthread_attr_t* attributes, void* (*main)(void*), void* argument) {
  const auto hooks = Global();
  if (hooks->create_thread) return hooks->create_thread(thread, attributes, main, argument);
  return real_calls.create_thread(thread, attributes, main, argument);
}
int EpollWait(int epoll_fd, epoll_event* events, int capacity, int timeout_ms) {
  const auto hooks = Global();
  if (hooks->before_epoll_wait) hooks->before_epoll_wait();
  return Call(epoll_fd, &FdHooks::epoll_wait, real_calls.epoll_wait, epoll_fd, events, capacity, timeout_ms);
}
int PollReadable(int fd, const timespec* timeout) {
  return Call(fd, &FdHooks::poll_readable, real_calls.poll_readable, fd, timeout);
}

void SetGlobal(std::shared_ptr<const GlobalHooks> hooks) {
  const std::lock_guard lock(registry.mutex);
  registry.global_hooks = std::move(hooks);
}

}  // namespace

void InstallHooks() {
  real_calls = system_calls;
  system_calls.sendfile = SendFile;
  system_calls.sendmsg = SendMessage;
  system_calls.pread = PositionedRead;
  system_calls.peek = Peek;
  system_calls.touch = Touch;
  system_calls.read_ahead = ReadAhead;
  system_calls.write = Write;
  system_calls.read = Read;
  system_calls.discard = Discard;
  system_calls.setsockopt = SetOption;
  system_calls.getsockopt = GetOption;
  system_calls.bytes_in_send_queue = BytesInSendQueue;
  system_calls.shutdown = Shutdown;
  system_calls.epoll_ctl = EpollControl;
  system_calls.close = Close;
  system_calls.duplicate = DuplicateFd;
  system_calls.replace = Replace;
  system_calls.epoll_create = EpollCreate;
  system_calls.event_fd = EventFd;
  system_calls.create_thread = CreateThread;
  system_calls.epoll_wait = EpollWait;
  system_calls.poll_readable = PollReadable;
}

const SystemCalls& RealCalls() { return real_calls; }

ScopedFdHooks::ScopedFdHooks(int fd, FdHooks hooks) : fd_(fd) {
  const std::lock_guard lock(registry.mutex);
  registry.fd_hooks[fd] = std::make_shared<const FdHooks>(std::move(hooks));
}

ScopedFdHooks::~ScopedFdHooks() { Remove(fd_); }

ScopedGlobalHooks::ScopedGlobalHooks(GlobalHooks hooks) {
  SetGlobal(std::make_shared<const GlobalHooks>(std::move(hooks)));
}

ScopedGlobalHooks::~ScopedGlobalHooks() { SetGlobal(std::make_shared<const GlobalHooks>()); }

}  // namespace ktls::test
