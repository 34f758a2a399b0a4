#include "test.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <vector>

namespace ktls::test {

namespace {

constexpr unsigned kSecondsPerTest = 60;

struct Test {
  const char* name;
  void (*run)();
};

std::vector<Test>& Tests() {
  static std::vector<Test> tests;
  return tests;
}

// What the running test said so far; a sender's thread may speak as well.
std::mutex mutex;
std::vector<std::string> failures;
std::vector<std::string> notes;
std::string skip_reason;
const char* running = nullptr;

void BailOut(int) {
  constexpr char kPrefix[] = "Bail out! Too slow: ";
  for (const char* text : {kPrefix, running, "\n"}) {
    if (write(STDOUT_FILENO, text, strlen(text)) < 0) break;
  }
  _exit(1);
}

bool IsWanted(const char* name, int count, char** parts) {
  if (count == 0) return true;
  for (int i = 0; i < count; ++i) {
    if (strstr(name, parts[i])) return true;
  }
  return false;
}

// False: a part that no test's name has, which would leave out what it was for.
bool AreFound(int count, char** parts) {
  for (int i = 0; i < count; ++i) {
    const auto has_part = [part = parts + i](const Test& test) { return IsWanted(test.name, 1, part); };
    if (std::any_of(Tests().begin(), Tests().end(), has_part)) continue;
    std::printf("Bail out! No test's name has this in it: %s\n", parts[i]);
    return false;
  }
  return true;
}

bool RunOne(size_t number, const Test& test) {
  {
    const std::lock_guard lock(mutex);
    failures.clear();
    notes.clear();
    skip_reason.clear();
  }
  running = test.name;
  alarm(kSecondsPerTest);
  const auto begin = std::chrono::steady_clock::now();
  test.run();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  alarm(0);

  const std::lock_guard lock(mutex);
  const bool passed = failures.empty();
  std::printf("%sok %zu - %s", passed ? "" : "not ", number, test.name);
  if (passed && !skip_reason.empty()) {
    std::printf(" # SKIP %s\n", skip_reason.c_str());
    return true;
  }
  std::printf(" # time=%.1fms\n", took.count());
  for (const std::string& note : notes) std::printf("# %s\n", note.c_str());
  for (const std::string& failure : failures) std::printf("# %s\n", failure.c_str());
  std::fflush(stdout);
  return passed;
}

}  // namespace

Registration::Registration(const char* name, void (*run)()) { Tests().push_back({name, run}); }

void Fail(const char* file, int line, const std::string& message) {
  const std::lock_guard lock(mutex);
  failures.push_back(std::string(file) + ':' + std::to_string(line) + ": " + message);
}

void Skip(const std::string& reason) {
  const std::lock_guard lock(mutex);
  skip_reason = reason;
}

void Note(const std::string& text) {
  const std::lock_guard lock(mutex);
  notes.push_back(text);
}

void SkipUnlessExpected(const std::string& reason) {
  const char* expected = std::getenv("KTLS_PIPE_EXPECTED");
  if (expected && strcmp(expected, "1") == 0) return Fail(__FILE__, __LINE__, "KTLS_PIPE_EXPECTED=1, but " + reason);
  Skip(reason);
}

int RunTests(int count, char** name_parts) {
  if (!AreFound(count, name_parts)) return EXIT_FAILURE;
  std::vector<Test> wanted;
  for (const Test& test : Tests()) {
    if (IsWanted(test.name, count, name_parts)) wanted.push_back(test);
  }
  signal(SIGALRM, BailOut);
  std::printf("TAP version 14\n1..%zu\n", wanted.size());
  size_t failed = 0;
  for (size_t i = 0; i < wanted.size(); ++i) failed += RunOne(i + 1, wanted[i]) ? 0 : 1;
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace ktls::test
