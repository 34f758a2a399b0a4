#include "../kernel/spare_descriptor.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <cerrno>
#include <vector>

#include "fixtures.h"
#include "hooks.h"
#include "test.h"

namespace ktls::test {
namespace {

// Until it is destroyed.
class ScopedLimit {
 public:
  explicit ScopedLimit(rlim_t descriptors) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit limit{descriptors, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  ScopedLimit(const ScopedLimit&) = delete;
  ScopedLimit& operator=(const ScopedLimit&) = delete;
  ~ScopedLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(SpareDescriptor, "descriptors: the last quarter of them is left to the process") {
  const UniqueFd file = MakeFile(Pattern(10));
  const ScopedLimit limit(400);
  std::vector<UniqueFd> duplicates;
  errno = 0;
  for (;;) {
    UniqueFd duplicate = DuplicateIfSpare(file.get());
    if (!duplicate.is_open()) break;
    EXPECT((fcntl(duplicate.get(), F_GETFD) & FD_CLOEXEC) != 0);
    duplicates.push_back(std::move(duplicate));
  }
  EXPECT_EQ(errno, EMFILE);
  REQUIRE(!duplicates.empty());
  EXPECT_EQ(duplicates.back().get(), 299);
  EXPECT(!IsOpen(300));

  duplicates.pop_back();
  EXPECT(DuplicateIfSpare(file.get()).is_open());
}

TEST(SpareDescriptorFails, "descriptors: the kernel's own refusal is told") {
  const UniqueFd file = MakeFile(Pattern(10));
  for (const int error : {EMFILE, ENFILE}) {
    FdHooks calls;
    calls.duplicate = [error](int) { return FailWith(error); };
    const ScopedFdHooks hooks(file.get(), calls);
    EXPECT(!DuplicateIfSpare(file.get()).is_open());
    EXPECT_EQ(errno, error);
  }
}

}  // namespace
}  // namespace ktls::test
