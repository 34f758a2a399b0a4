// The end of the process: the sender's threads are never stopped, so they run into it.
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "../crypto/key_schedule.h"
#include "../crypto/traffic_secret.h"
#include "../send/detached_thread.h"
#include "../send/sender.h"
#include "fixtures.h"
#include "hooks.h"
#include "test.h"
#include "vectors.h"

namespace ktls::test {
namespace {

constexpr char kInChild[] = "KTLS_TEST_EXIT_CHILD";
constexpr char kInFlight[] = "exit: with transfers in flight, and one held inside sendfile, the process just ends";
constexpr char kDeriving[] = "exit: while threads derive keys, the process just ends";

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

// While threads derive keys: what they use is being freed.
[[noreturn]] void ExitWhileDeriving() {
  static Gate& begun = *std::make_unique<Gate>().release();
  // As a session has before there is a secret of it: OpenSSL registers what it does at exit when it is first used.
  const Bytes any = Pattern(48);
  Bytes next(48);
  DeriveNextTrafficSecret("SHA384", any.data(), any.size(), next.data());
  for (int i = 0; i < 3; ++i) {
    StartDetachedThread(
        [](void*) -> void* {
          const Bytes first = Pattern(48);
          TrafficSecret secret(Cipher::kAes256Gcm, "SHA384", first.data(), first.size());
          TransmitKeys keys;
          secret.Next(&keys);
          begun.Open();
          for (;;) secret.Next(&keys);
        },
        nullptr);
  }
  begun.Pass();
  exit(EXIT_SUCCESS);
}

int ExitStatusOfChild(const char* test_name) {
  char program[] = "/proc/self/exe";
  std::string name = test_name;
  setenv(kInChild, "1", 1);
  posix_spawn_file_actions_t silent;
  posix_spawn_file_actions_init(&silent);
  posix_spawn_file_actions_addclose(&silent, 1);
  char* arguments[] = {program, name.data(), nullptr};
  pid_t child;
  const int error = posix_spawn(&child, program, &silent, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&silent);
  unsetenv(kInChild);
  if (!EXPECT_EQ(error, 0)) return -1;
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

TEST(ExitsInFlight, kInFlight) {
  if (getenv(kInChild)) ExitInFlight();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ExitStatusOfChild(kInFlight), 0);
}

TEST(ExitsWhileDeriving, kDeriving) {
  REQUIRE_LIBCRYPTO();
  if (getenv(kInChild)) ExitWhileDeriving();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ExitStatusOfChild(kDeriving), 0);
}

}  // namespace
}  // namespace ktls::test
