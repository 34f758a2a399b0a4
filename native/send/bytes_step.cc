#include "bytes_step.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include "../kernel/system_calls.h"

namespace ktls {

namespace {

#ifndef IOV_MAX
constexpr size_t IOV_MAX = 1024;  // UIO_MAXIOV of linux/uio.h
#endif

// Describes up to `limit` bytes, `skip` bytes into the buffers. Returns how many it describes.
size_t Gather(const iovec* buffers, size_t count, size_t skip, size_t limit, iovec* parts, size_t* part_count) {
  size_t gathered = 0;
  *part_count = 0;
  for (size_t i = 0; i < count && gathered < limit && *part_count < IOV_MAX; ++i) {
    if (skip >= buffers[i].iov_len) {
      skip -= buffers[i].iov_len;
      continue;
    }
    const size_t size = std::min(buffers[i].iov_len - skip, limit - gathered);
    parts[(*part_count)++] = {static_cast<char*>(buffers[i].iov_base) + skip, size};
    gathered += size;
    skip = 0;
  }
  return gathered;
}

}  // namespace

StepResult SendBytesStep(int socket_fd, const iovec* buffers, size_t count, size_t limit) {
  iovec parts[IOV_MAX];  // 16 KiB of stack, written only as far as it is used
  StepResult result;
  for (;;) {
    msghdr message{};
    message.msg_iov = parts;
    size_t part_count;
    const size_t wanted = Gather(buffers, count, result.taken, limit - result.taken, parts, &part_count);
    if (wanted == 0) return result;
    message.msg_iovlen = part_count;

    const ssize_t taken = system_calls.sendmsg(socket_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken > 0) {
      result.taken += static_cast<size_t>(taken);
      continue;
    }
    if (taken < 0 && errno == EINTR) continue;
    // Not one of a stream's answers to a send of more than nothing; going on could go on for ever.
    result.error = taken == 0 ? -EIO : -errno;
    return result;
  }
}

}  // namespace ktls
