#include "pseudo_file.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace ktls {

namespace {
constexpr std::array<uint32_t, 12> kPseudoFileSystems = {
    PROC_SUPER_MAGIC,    SYSFS_MAGIC,   DEBUGFS_MAGIC, TRACEFS_MAGIC,  SECURITYFS_MAGIC, CGROUP_SUPER_MAGIC,
    CGROUP2_SUPER_MAGIC, SELINUX_MAGIC, BPF_FS_MAGIC,  PSTOREFS_MAGIC, EFIVARFS_MAGIC,   0x62656570 /* configfs */};
}  // namespace

bool IsPseudoFile(int fd) {
  struct statfs system {};
  if (fstatfs(fd, &system) != 0) return true;
  const auto type = static_cast<uint32_t>(system.f_type);
  return std::find(kPseudoFileSystems.begin(), kPseudoFileSystems.end(), type) != kPseudoFileSystems.end();
}

}  // namespace ktls
