// Files whose size is a promise that reading does not keep.
#pragma once

namespace ktls {

// Whether the descriptor is of a file that the kernel makes up as it is read (proc, sysfs and their like): its size is
// nominal, so a range of that length could never be completed. statfs(2), include/uapi/linux/magic.h.
bool IsPseudoFile(int fd);

}  // namespace ktls
