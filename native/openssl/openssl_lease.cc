#include "openssl_lease.h"

#include <cstdlib>
#include <memory>

namespace ktls {

namespace {

struct Leases {
  std::mutex mutex;
  bool ended = false;  // under mutex
};

// Never destroyed: threads ask for leases while static destructors run.
Leases& All() {
  static Leases* const leases = std::make_unique<Leases>().release();
  return *leases;
}

}  // namespace

void OpenSslLease::EndAllAtExit() {
  static std::once_flag once;
  std::call_once(once, [] {
    std::atexit([] {
      const std::lock_guard lock(All().mutex);
      All().ended = true;
    });
  });
}

OpenSslLease::OpenSslLease() : lock_(All().mutex) {
  if (All().ended) lock_.unlock();
}

}  // namespace ktls
