// One control record: an alert, or a handshake message.
#pragma once

#include "item.h"
#include "step.h"

namespace ktls {

// All of it or nothing.
StepResult SendControlStep(int socket_fd, const ControlItem& control);

}  // namespace ktls
