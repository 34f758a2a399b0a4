// Decides which call meets a fault, and counts all of them.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "../send/sender.h"
#include "fault_table.h"

namespace ktls::test {

// The calls from `occurrence` on, the first being 0, that meet the fault.
struct Plan {
  const Fault* fault = nullptr;
  size_t occurrence = 0;
  size_t times = 1;
};

class FaultInjector {
 public:
  // Lasts as long as the process, since a sender's thread does.
  static FaultInjector& Instance();

  // Counts from 0 again.
  void Arm(const Plan& plan);
  // Counts a call. The fault that it meets, if any.
  const Fault* Next(SystemCall call);
  // Until `call` has been made so often. False: it was not in time.
  bool WaitFor(SystemCall call, size_t times);

  std::array<size_t, kSystemCalls> calls() const;
  size_t met() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable called_;
  Plan plan_;
  std::array<size_t, kSystemCalls> calls_{};
  size_t met_ = 0;
};

// A sender whose thread works for the fault table alone, and whose own calls meet faults as well.
Sender* FaultySender();

}  // namespace ktls::test
