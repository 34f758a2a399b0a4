#include "control_step.h"

#include <cerrno>

namespace ktls {

StepResult SendControlStep(int socket_fd, const ControlItem& control) {
  ssize_t taken;
  do {
    taken = SendControlRecord(socket_fd, control.content_type, control.bytes.data(), control.bytes.size());
  } while (taken == -EINTR);
  if (taken < 0) return {0, static_cast<int>(taken)};
  // Kernel TLS takes a control record whole or not at all. A piece of one cannot be made good.
  const auto size = static_cast<size_t>(taken);
  return {size, size == control.bytes.size() ? 0 : -EIO};
}

}  // namespace ktls
