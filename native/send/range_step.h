// One bounded step of a file range: sendfile(2), or where a file system cannot do that, pread(2) and a plain send from
// the exact byte that was reached.
#pragma once

#include <cstddef>

#include "item.h"
#include "step.h"

namespace ktls {

// How much of what remains is looked for in memory, and read if need be, at once.
size_t WindowSize(const RangeItem& range);

// Sends at most `limit` bytes of what remains, and moves `range` on by what was taken. Nothing, if they must be read
// from a disk first.
StepResult SendRangeStep(int socket_fd, bool kernel_tls, size_t limit, RangeItem* range);

}  // namespace ktls
