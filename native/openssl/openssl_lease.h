// OpenSSL frees what it has when the process exits (OPENSSL_cleanup, an atexit handler of its own), and the sender's
// threads run on meanwhile: whoever derives keys on one of them holds a lease for that long.
#pragma once

#include <mutex>

namespace ktls {

class OpenSslLease {
 public:
  // Before any lease, on a thread that has used OpenSSL: its handler has to be older than ours, which runs first then.
  static void EndAllAtExit();

  OpenSslLease();
  // False: the process is exiting.
  bool is_given() const { return lock_.owns_lock(); }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace ktls
