#include "fault_injector.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>

#include "fixtures.h"
#include "hooks.h"

namespace ktls::test {

namespace {

const Fault* Meet(SystemCall call) { return FaultInjector::Instance().Next(call); }

FdHooks EpollHooks() {
  FdHooks hooks;
  hooks.epoll_wait = [](int epoll_fd, epoll_event* events, int capacity, int timeout_ms) {
    const Fault* fault = Meet(SystemCall::kEpollWait);
    if (!fault) return RealCalls().epoll_wait(epoll_fd, events, capacity, timeout_ms);
    return fault->kind == FaultKind::kNothing ? 0 : FailWith(fault->error);
  };
  hooks.poll_readable = [](int fd, const timespec* timeout) {
    const Fault* fault = Meet(SystemCall::kBriefWait);
    if (!fault) return RealCalls().poll_readable(fd, timeout);
    return fault->kind == FaultKind::kNothing ? 0 : FailWith(fault->error);
  };
  return hooks;
}

FdHooks WakeHooks() {
  FdHooks hooks;
  hooks.read = [](int fd, void* buffer, size_t count) -> ssize_t {
    const Fault* fault = Meet(SystemCall::kWakeRead);
    return fault ? FailWith(fault->error) : RealCalls().read(fd, buffer, count);
  };
  hooks.write = [](int fd, const void* buffer, size_t count) -> ssize_t {
    const Fault* fault = Meet(SystemCall::kWakeWrite);
    if (!fault) return RealCalls().write(fd, buffer, count);
    if (fault->error == EAGAIN) {  // the counter is as high as it goes
      const uint64_t most = std::numeric_limits<uint64_t>::max() - 1;
      RealCalls().write(fd, &most, sizeof(most));
    }
    return FailWith(fault->error);
  };
  return hooks;
}

struct Shared {
  Sender sender;
  int epoll_fd = -1;
  int wake_fd = -1;
  std::unique_ptr<ScopedFdHooks> epoll_hooks;
  std::unique_ptr<ScopedFdHooks> wake_hooks;
};

std::unique_ptr<Shared> Start() {
  auto shared = std::make_unique<Shared>();
  shared->sender.SetThreads(1);
  GlobalHooks hooks;
  hooks.epoll_create = [&] { return shared->epoll_fd = RealCalls().epoll_create(); };
  hooks.event_fd = [&] { return shared->wake_fd = RealCalls().event_fd(); };
  const ScopedGlobalHooks scoped(hooks);
  Subject first(ConnectPair(), std::nullopt, {}, &shared->sender);
  first.SendBytes(1, Pattern(1));
  shared->epoll_hooks = std::make_unique<ScopedFdHooks>(shared->epoll_fd, EpollHooks());
  shared->wake_hooks = std::make_unique<ScopedFdHooks>(shared->wake_fd, WakeHooks());
  return shared;
}

}  // namespace

FaultInjector& FaultInjector::Instance() {
  static FaultInjector* const instance = std::make_unique<FaultInjector>().release();
  return *instance;
}

void FaultInjector::Arm(const Plan& plan) {
  const std::lock_guard lock(mutex_);
  plan_ = plan;
  calls_ = {};
  met_ = 0;
}

const Fault* FaultInjector::Next(SystemCall call) {
  const std::lock_guard lock(mutex_);
  const size_t occurrence = calls_[static_cast<size_t>(call)]++;
  called_.notify_all();
  if (!plan_.fault || plan_.fault->call != call) return nullptr;
  if (occurrence < plan_.occurrence || occurrence - plan_.occurrence >= plan_.times) return nullptr;
  ++met_;
  return plan_.fault;
}

bool FaultInjector::WaitFor(SystemCall call, size_t times) {
  std::unique_lock lock(mutex_);
  return called_.wait_for(lock, std::chrono::seconds(10), [&] { return calls_[static_cast<size_t>(call)] >= times; });
}

std::array<size_t, kSystemCalls> FaultInjector::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

size_t FaultInjector::met() const {
  const std::lock_guard lock(mutex_);
  return met_;
}

Sender* FaultySender() {
  static Shared* const shared = Start().release();
  return &shared->sender;
}

}  // namespace ktls::test
