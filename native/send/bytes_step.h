// One bounded step of plain bytes: a gathering send that neither blocks nor raises SIGPIPE.
#pragma once

#include <sys/uio.h>

#include <cstddef>

#include "step.h"

namespace ktls {

// Sends at most `limit` of the buffers' bytes, from their beginning.
StepResult SendBytesStep(int socket_fd, const iovec* buffers, size_t count, size_t limit);

}  // namespace ktls
