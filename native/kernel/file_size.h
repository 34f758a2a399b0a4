// How much a file holds.
#pragma once

#include <cstdint>

namespace ktls {

// The size in bytes of a regular file that can be read to its end. -1: it is of another kind, or the kernel makes it up
// as it is read (proc, sysfs and their like), so that its size is nominal and a range of that length could never be
// completed. fstat(2), statfs(2), include/uapi/linux/magic.h.
int64_t FileSize(int fd);

}  // namespace ktls
