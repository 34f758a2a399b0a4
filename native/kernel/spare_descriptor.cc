#include "spare_descriptor.h"

#include <sys/resource.h>

#include <cerrno>

namespace ktls {

UniqueFd DuplicateIfSpare(int fd) {
  UniqueFd duplicate(system_calls.duplicate(fd));
  rlimit limit{};
  if (!duplicate.is_open() || getrlimit(RLIMIT_NOFILE, &limit) != 0) return duplicate;
  // The kernel gives the lowest number that is free, so at least as many are in use.
  if (static_cast<rlim_t>(duplicate.get()) < limit.rlim_cur - limit.rlim_cur / 4) return duplicate;
  duplicate.Reset();
  errno = EMFILE;
  return duplicate;
}

}  // namespace ktls
