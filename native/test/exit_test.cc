// The end of the process: the sender's threads are never stopped, so they run into it.
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "../send/sender.h"
#include "fixtures.h"
#include "hooks.h"
#include "test.h"

namespace ktls::test {
namespace {

constexpr char kInChild[] = "KTLS_TEST_EXIT_CHILD";
constexpr char kName[] = "exit: with transfers in flight, and one held inside sendfile, the process just ends";

struct InFlight {
  const UniqueFd file = MakeFile(Pattern(4'000'000));
  Gate never;
  std::vector<std::unique_ptr<Subject>> subjects;
  std::unique_ptr<ScopedFdHooks> held;
};

[[noreturn]] void ExitInFlight() {
  static InFlight& flight = *std::make_unique<InFlight>().release();  // nothing of it is closed before the end
  Sender::Instance().SetThreads(2);
  for (int i = 0; i < 20; ++i) flight.subjects.push_back(std::make_unique<Subject>(ConnectTcp(16'384, 16'384)));
  FdHooks calls;
  calls.sendfile = [](int, int, off_t*, size_t) -> ssize_t {
    flight.never.Pass();
    return FailWith(EIO);
  };
  flight.held = std::make_unique<ScopedFdHooks>(flight.subjects[0]->socket_fd, calls);
  for (const auto& subject : flight.subjects) subject->SendRange(1, flight.file, 0, 4'000'000);
  flight.never.WaitForArrival();
  exit(EXIT_SUCCESS);
}

TEST(ExitsInFlight, kName) {
  if (getenv(kInChild)) ExitInFlight();
  char program[] = "/proc/self/exe";
  char name[sizeof(kName)];
  std::copy(std::begin(kName), std::end(kName), name);
  setenv(kInChild, "1", 1);
  for (int i = 0; i < 5; ++i) {
    posix_spawn_file_actions_t silent;
    posix_spawn_file_actions_init(&silent);
    posix_spawn_file_actions_addclose(&silent, 1);
    char* arguments[] = {program, name, nullptr};
    pid_t child;
    const int error = posix_spawn(&child, program, &silent, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&silent);
    if (!EXPECT_EQ(error, 0)) break;
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  unsetenv(kInChild);
}

}  // namespace
}  // namespace ktls::test
