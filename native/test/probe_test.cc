// Asking the kernel is not disturbed by signals, such as a profiler's.
#include "../kernel/probe.h"

#include <signal.h>
#include <sys/time.h>

#include <atomic>
#include <cerrno>

#include "test.h"

namespace ktls::test {
namespace {

std::atomic<int> alarms{0};

class ScopedAlarms {
 public:
  explicit ScopedAlarms(suseconds_t every) {
    struct sigaction action {};
    action.sa_handler = [](int) { ++alarms; };
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, &before_);
    const itimerval timer{{0, every}, {0, every}};
    setitimer(ITIMER_REAL, &timer, nullptr);
  }
  ~ScopedAlarms() {
    const itimerval never{};
    setitimer(ITIMER_REAL, &never, nullptr);
    sigaction(SIGALRM, &before_, nullptr);
  }
  ScopedAlarms(const ScopedAlarms&) = delete;
  ScopedAlarms& operator=(const ScopedAlarms&) = delete;

 private:
  struct sigaction before_ {};
};

TEST(ProbeWithSignals, "probe: a signal while it waits is no answer of the kernel's") {
  const ScopedAlarms alarms_for_now(200);
  for (int i = 0; i < 100'000 && alarms < 1'000; ++i) {
    if (!EXPECT(ProbeKernelTls(TlsVersion::kTls13, Cipher::kAes128Gcm) != -EINTR)) return;
  }
  EXPECT(alarms >= 1'000);
}

}  // namespace
}  // namespace ktls::test
