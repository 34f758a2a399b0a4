// Descriptors of our own beside those that the process would have anyhow.
#pragma once

#include "unique_fd.h"

namespace ktls {

// A duplicate with FD_CLOEXEC; or a closed one and errno. EMFILE already where it would be among the last quarter of
// what RLIMIT_NOFILE allows (getrlimit(2)): that is left to the process, which must not fail to accept a connection or
// to open a file where it would not without us.
UniqueFd DuplicateIfSpare(int fd);

}  // namespace ktls
