// A thread that lasts as long as the process.
#pragma once

namespace ktls {

// 0 or -errno. It blocks all signals.
int StartDetachedThread(void* (*main)(void*), void* argument);

}  // namespace ktls
