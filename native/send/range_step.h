// One bounded step of a file range: sendfile(2), or where a file system cannot do that, pread(2) and a plain send from
// the exact byte that was reached.
#pragma once

#include <cstddef>

#include "item.h"
#include "step.h"

namespace ktls {

// Sends at most `limit` bytes of what remains, and moves `range` on by what was taken. May block on the file.
StepResult SendRangeStep(int socket_fd, bool kernel_tls, size_t limit, RangeItem* range);

}  // namespace ktls
