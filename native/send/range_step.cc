#include "range_step.h"

#include <algorithm>
#include <cerrno>

#include "../kernel/system_calls.h"
#include "bytes_step.h"
#include "page_cache.h"

namespace ktls {

namespace {

constexpr size_t kMaxSendfileBytes = 0x7ffff000;  // sendfile(2), NOTES: at most this much is transferred by one call
constexpr size_t kReadBufferBytes = 64 * 1024;    // four full TLS records
constexpr size_t kMinBytesToBelieve = 64 * 1024;  // of a sendfile that fell short; the pipe inside it holds as much

// Some file systems cannot be the source of sendfile(2) and say so in one of these ways; pread(2) may still work.
bool SendfileIsUnsupported(int error) { return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP; }

// Asked once for a window: what has left the memory by the time it is sent is waited for.
bool MustBeRead(RangeItem* range) {
  if (range->offset < range->in_memory_until) return false;
  const size_t size = WindowSize(*range);
  if (AwaitsDisk(range->file->get(), range->offset, size)) return true;
  range->in_memory_until = range->offset + size;
  return false;
}

void Advance(size_t taken, RangeItem* range) {
  range->offset += taken;
  range->remaining -= taken;
}

StepResult SendByReading(int socket_fd, size_t limit, RangeItem* range) {
  ReadBuffer& buffer = *range->buffer;
  if (buffer.begin == buffer.end) {
    const size_t wanted = std::min({range->remaining, uint64_t{limit}, uint64_t{buffer.bytes.size()}});
    ssize_t count;
    do {
      count = system_calls.pread(range->file->get(), buffer.bytes.data(), wanted, static_cast<off_t>(range->offset));
    } while (count < 0 && errno == EINTR);
    if (count < 0) return {0, -errno, false};
    if (count == 0) return {0, -ENODATA, false};  // truncated
    buffer.begin = 0;
    buffer.end = static_cast<size_t>(count);
  }

  const iovec rest{buffer.bytes.data() + buffer.begin, buffer.end - buffer.begin};
  const StepResult result = SendBytesStep(socket_fd, &rest, 1, limit);
  buffer.begin += result.taken;
  Advance(result.taken, range);
  return result;
}

}  // namespace

size_t WindowSize(const RangeItem& range) {
  return static_cast<size_t>(std::min(range.remaining, uint64_t{kFileWindowBytes}));
}

StepResult SendRangeStep(int socket_fd, bool kernel_tls, size_t limit, RangeItem* range) {
  if (range->remaining == 0) return {};  // an empty range only waits for its turn
  if (MustBeRead(range)) return {0, 0, true};
  limit = static_cast<size_t>(std::min(uint64_t{limit}, range->in_memory_until - range->offset));
  if (range->buffer) return SendByReading(socket_fd, limit, range);

  // Exactly what the range still has: before Linux 5.14 a count past the end of the file left the last TLS record open
  // for ever (kernel commit d452d48b9f8b).
  const size_t count = std::min({range->remaining, uint64_t{limit}, uint64_t{kMaxSendfileBytes}});
  ssize_t taken;
  do {
    auto offset = static_cast<off_t>(range->offset);  // ours: the file's position is shared with the application
    taken = system_calls.sendfile(socket_fd, range->file->get(), &offset, count);
  } while (taken < 0 && errno == EINTR);

  if (taken > 0) {
    const auto size = static_cast<size_t>(taken);
    Advance(size, range);
    range->record_may_be_open = kernel_tls && size < count;
    return {size, 0, false, !kernel_tls && size < count && size >= kMinBytesToBelieve};
  }
  if (taken == 0) return {0, -ENODATA, false};  // the file ends before the range does
  if (!SendfileIsUnsupported(errno) || range->record_may_be_open) return {0, -errno, false};

  range->buffer = std::make_unique<ReadBuffer>();
  range->buffer->bytes.resize(kReadBufferBytes);
  return SendByReading(socket_fd, limit, range);
}

}  // namespace ktls
