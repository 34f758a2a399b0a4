#include "file_size.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace ktls {

namespace {
constexpr std::array<uint32_t, 12> kPseudoFileSystems = {
    PROC_SUPER_MAGIC,    SYSFS_MAGIC,   DEBUGFS_MAGIC, TRACEFS_MAGIC,  SECURITYFS_MAGIC, CGROUP_SUPER_MAGIC,
    CGROUP2_SUPER_MAGIC, SELINUX_MAGIC, BPF_FS_MAGIC,  PSTOREFS_MAGIC, EFIVARFS_MAGIC,   0x62656570 /* configfs */};

bool IsPseudoFile(int fd) {
  struct statfs system {};
  if (fstatfs(fd, &system) != 0) return true;
  const auto type = static_cast<uint32_t>(system.f_type);
  return std::find(kPseudoFileSystems.begin(), kPseudoFileSystems.end(), type) != kPseudoFileSystems.end();
}

}  // namespace

int64_t FileSize(int fd) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) return -1;
  // Only files without blocks can be made up as they are read; of the others statfs need not be asked.
  if (facts.st_blocks == 0 && facts.st_size > 0 && IsPseudoFile(fd)) return -1;
  return facts.st_size;
}

}  // namespace ktls
