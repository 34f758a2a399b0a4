// What one bounded attempt to send did.
#pragma once

#include <cstddef>

namespace ktls {

struct StepResult {
  size_t taken = 0;          // plaintext bytes the kernel took
  int error = 0;             // 0: go on. -EAGAIN: the socket is full. Otherwise the item has failed with this -errno
  bool awaits_disk = false;  // nothing was done: the file's next bytes are not in memory
  bool seems_full = false;   // it took less than it was given, which leaves no doubt in practice and costs no call
};

}  // namespace ktls
