// The fault table, row by row: each fault at each occurrence of its call, once and more often, and after each run the
// same questions: was anything sent that should not have been, and does everybody know how it ended?
#include <dirent.h>

#include <algorithm>
#include <memory>
#include <set>

#include "fault_run.h"
#include "hooks.h"
#include "test.h"

namespace ktls::test {
namespace {

using End = Scenario::End;

constexpr size_t kEnoughComplaints = 5;

struct Totals {
  void Add(const Fault* fault) {
    ++runs;
    calls.insert(fault->call);
    faults.insert(fault);
  }
  void Tell(const std::string& what) const {
    Note("fault table: " + what + ": " + std::to_string(calls.size()) + " calls, " + std::to_string(faults.size()) +
         " faults, " + std::to_string(runs) + " runs");
  }
  size_t runs = 0;
  std::set<SystemCall> calls;
  std::set<const Fault*> faults;
};
Totals everything;

size_t OpenDescriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/fd"), closedir);
  size_t count = 0;
  while (readdir(directory.get())) ++count;
  return count;
}

bool IsStuck(const Plan& plan, const RunResult& result) {
  return plan.fault && plan.fault->effect == Effect::kFull && plan.times == Fault::kForEver && result.met > 0;
}

// What follows the items that completed: the failed one, unless it is nobody's, and all that were behind it.
bool IsRightEnd(const Scenario& scenario, const Plan& plan, const RunResult& result,
                const std::vector<RunResult::Item>& rest) {
  if (scenario.end != End::kFinished) {
    const int ended = scenario.is_aborted() ? -EPROTO : -ECANCELED;
    return std::all_of(rest.begin(), rest.end(), [&](const RunResult::Item& item) {
      const int word = *item.word();
      return word == ended || word == -ECANCELED || item.submitted == -EPIPE || word == result.failed_with;
    });
  }
  if (!result.failed_with && !IsStuck(plan, result)) return rest.empty();
  if (rest.empty()) return false;
  const bool has_failed = result.failed_with && !result.failed_item_is_nobodys;
  if (has_failed && rest.front().word() != result.failed_with) return false;
  return std::all_of(rest.begin() + (has_failed ? 1 : 0), rest.end(), [&](const RunResult::Item& item) {
    return item.submitted == -EPIPE ? result.failed_with.has_value() : item.word() == -ECANCELED;
  });
}

// What is wrong; nothing if all is well.
std::vector<std::string> Judge(const Scenario& scenario, const Plan& plan, const RunResult& result) {
  std::vector<std::string> wrong;
  const auto must = [&wrong](bool holds, const char* text) {
    if (!holds) wrong.emplace_back(text);
  };
  // What was sent.
  must(result.arrived.size() <= result.wanted.size() &&
           std::equal(result.arrived.begin(), result.arrived.end(), result.wanted.begin()),
       "other bytes than were submitted");
  must(scenario.tls ? result.arrived.size() <= result.taken : result.arrived.size() == result.taken, "bytes lost");
  must(result.counted == result.taken, "the queue's count is wrong");
  must(!result.sent_after_failure, "sent after a failure");
  must(!result.sent_under_old_keys, "sent under old keys");
  must(result.offence.empty(), result.offence.c_str());
  must(scenario.end != End::kClosedFull || plan.fault || result.sent_urgent_alerts, "alerts dropped for which is room");
  must(scenario.end != End::kClosedOpen || plan.fault || !result.sent_urgent_alerts, "alerts behind an open record");
  must(!scenario.is_stopped || plan.fault || result.was_stopped, "not stopped");
  must(!result.was_inside || !result.sent_urgent_alerts, "Close() sends in between");
  // What was told.
  must(result.keys_spent == (scenario.tls == TlsVersion::kTls12 ? 1 : 0) || result.failed_with, "keys spent");
  must(result.in_time, "the last words do not come");
  // What became of the descriptors.
  const bool must_wait = plan.fault && plan.fault->effect == Effect::kWaits && result.met > 0;
  must(result.closed_at_once == !must_wait, "closed at once, or not");
  must(result.was_told_of_release == must_wait, "kReleased");
  must(!result.kept_connection, "closed at once, and the number is the connection's still");
  must(!result.is_misused, "the number is used after it was given to something else");
  must(result.all_closed, "a descriptor is not closed, or was closed twice");
  // Who was told how it ended.
  must(result.one_word_each, "not one last word each, in order");
  if (!result.one_word_each) return wrong;

  std::vector<RunResult::Item> items = result.items;
  if (plan.fault && plan.fault->effect == Effect::kRefused) {
    const auto is_refused = [](const RunResult::Item& item) { return item.submitted == -EBADF; };
    items.erase(std::remove_if(items.begin(), items.end(), is_refused), items.end());
    must(result.items.size() - items.size() == result.met, "not refused");
  }
  size_t complete = 0;
  auto item = items.begin();
  for (; item != items.end() && item->word() == 0; ++item) {
    must(!item->told || item->size == 0 || item->told->bytes_sent == item->size, "a complete item of another size");
    complete += item->size;
  }
  must(complete <= result.arrived.size(), "complete, and not sent");
  must(IsRightEnd(scenario, plan, result, {item, items.end()}), "wrong last words");
  if (item == items.end()) {
    must(result.arrived == result.wanted, "all complete, and not all sent");
    must(result.rekeys == (scenario.tls == TlsVersion::kTls13 ? 1 : 0), "keys not changed");
  }
  return wrong;
}

std::string Describe(const Plan& plan, const RunResult& result, const std::string& wrong) {
  std::string text = plan.fault ? NameOf(*plan.fault) : "no fault";
  text += ", from the " + std::to_string(plan.occurrence) + ". on, ";
  text += plan.times == Fault::kForEver ? "for ever" : std::to_string(plan.times) + " times";
  text += ", met " + std::to_string(result.met) + ": " + wrong + ". Words:";
  for (const RunResult::Item& item : result.items) text += ' ' + (item.word() ? Show(*item.word()) : "none");
  return text + ". Taken: " + std::to_string(result.taken);
}

void TryAll(const Scenario& scenario) {
  Totals totals;
  size_t complaints = 0;
  const auto try_one = [&](const Plan& plan) {
    RunResult result = RunScenario(scenario, plan);
    for (const std::string& wrong : Judge(scenario, plan, result)) {
      Fail(__FILE__, __LINE__, Describe(plan, result, wrong));
      ++complaints;
    }
    if (!result.in_time || !result.all_closed) complaints = kEnoughComplaints;  // each would be waited for
    if (result.met > 0) {
      totals.Add(plan.fault);
      everything.Add(plan.fault);
    }
    return result;
  };
  try_one({});  // starts the thread and opens the file
  const size_t descriptors = OpenDescriptors();
  const RunResult reference = try_one({});
  for (const Fault& fault : FaultTable()) {
    for (size_t occurrence = 0; occurrence < reference.calls[static_cast<size_t>(fault.call)]; ++occurrence) {
      for (const size_t times : std::set<size_t>{1, fault.repeats}) {
        if (complaints < kEnoughComplaints) try_one({&fault, occurrence, times});
      }
    }
  }
  EXPECT_EQ(OpenDescriptors(), descriptors);
  totals.Tell(scenario.name);
}

TEST(FaultsTls13, "fault table: TLS 1.3") { TryAll({"TLS 1.3", TlsVersion::kTls13}); }

TEST(FaultsTls12, "fault table: TLS 1.2, where TCP accepts late") {
  TryAll({"TLS 1.2, where TCP accepts late", TlsVersion::kTls12, true, true});
}

TEST(FaultsPlain, "fault table: plain bytes") { TryAll({"plain bytes", std::nullopt}); }

TEST(FaultsTlsRead, "fault table: TLS 1.3 without sendfile") {
  TryAll({"TLS 1.3 without sendfile", TlsVersion::kTls13, false});
}

TEST(FaultsPlainRead, "fault table: plain bytes without sendfile") {
  TryAll({"plain bytes without sendfile", std::nullopt, false});
}

Scenario AtOnce(Scenario scenario) {
  scenario.is_at_once = true;
  return scenario;
}

TEST(FaultsAtOnce, "fault table: a range that is sent on the owner's thread") {
  TryAll(AtOnce({"TLS 1.3, at once", TlsVersion::kTls13}));
  TryAll(AtOnce({"TLS 1.2, at once, where TCP accepts late", TlsVersion::kTls12, true, true}));
  TryAll(AtOnce({"plain bytes, at once", std::nullopt}));
  TryAll(AtOnce({"plain bytes without sendfile, at once", std::nullopt, false}));
}

Scenario Stopped(Scenario scenario) {
  scenario.is_stopped = true;
  return scenario;
}

TEST(FaultsStopped, "fault table: a range that is stopped while a thread is inside") {
  TryAll(Stopped({"TLS 1.3, stopped inside sendfile", TlsVersion::kTls13}));
  TryAll(Stopped({"TLS 1.2, stopped, where TCP accepts late", TlsVersion::kTls12, true, true}));
  TryAll(Stopped({"plain bytes, stopped inside sendfile", std::nullopt}));
  TryAll(
      Stopped({"TLS 1.3, stopped inside pread", TlsVersion::kTls13, false, false, End::kFinished, SystemCall::kPread}));
  TryAll(Stopped(
      {"plain bytes, stopped inside sendmsg", std::nullopt, false, false, End::kFinished, SystemCall::kSendBytes}));
}

TEST(FaultsDisk, "fault table: TLS 1.3, of a file that is on a disk") {
  Scenario scenario{"TLS 1.3, from a disk", TlsVersion::kTls13};
  scenario.is_on_disk = true;
  TryAll(scenario);
}

TEST(FaultsTlsClosed, "fault table: TLS 1.3, closed while a thread is inside sendfile") {
  TryAll({"TLS 1.3, closed inside sendfile", TlsVersion::kTls13, true, false, End::kClosedInside});
}

TEST(FaultsPlainClosed, "fault table: plain bytes, closed while a thread is inside sendfile") {
  TryAll({"plain bytes, closed inside sendfile", std::nullopt, true, false, End::kClosedInside});
}

TEST(FaultsTlsReadClosed, "fault table: TLS 1.3 without sendfile, closed while a thread is inside sendfile") {
  TryAll({"TLS 1.3 without sendfile, closed inside sendfile", TlsVersion::kTls13, false, false, End::kClosedInside});
}

TEST(FaultsTlsClosedInPread, "fault table: TLS 1.3, closed while a thread is inside pread") {
  TryAll({"TLS 1.3, closed inside pread", TlsVersion::kTls13, false, false, End::kClosedInside, SystemCall::kPread});
}

TEST(FaultsPlainClosedInSendmsg, "fault table: plain bytes, closed while a thread is inside sendmsg") {
  TryAll(
      {"plain bytes, closed inside sendmsg", std::nullopt, false, false, End::kClosedInside, SystemCall::kSendBytes});
}

TEST(FaultsPlainReset, "fault table: plain bytes, closed for a reset while a thread is inside sendfile") {
  TryAll({"plain bytes, closed for a reset", std::nullopt, true, false, End::kResetInside});
}

TEST(FaultsPlainReadReset, "fault table: plain bytes, closed for a reset while a thread is inside pread") {
  TryAll({"plain bytes, closed for a reset inside pread", std::nullopt, false, false, End::kResetInside,
          SystemCall::kPread});
}

TEST(FaultsAborted, "fault table: TLS 1.3, aborted while a thread is inside") {
  TryAll({"TLS 1.3, aborted inside", TlsVersion::kTls13, true, false, End::kAbortedInside});
}

TEST(FaultsAbortedAndClosed, "fault table: TLS 1.3, aborted and closed while a thread is inside") {
  TryAll({"TLS 1.3, aborted and closed inside", TlsVersion::kTls13, true, false, End::kAbortedAndClosedInside});
}

TEST(FaultsClosedFull, "fault table: TLS 1.3, closed with alerts that wait for room") {
  TryAll({"TLS 1.3, closed when full", TlsVersion::kTls13, true, false, End::kClosedFull});
  TryAll({"TLS 1.3, closed with an open record", TlsVersion::kTls13, true, false, End::kClosedOpen});
}

// The calls that start a thread, of which `fault` meets the first.
GlobalHooks StartHooks(const Fault& fault, std::unique_ptr<ScopedFdHooks>* wake_hooks) {
  const auto is_met = [&fault](SystemCall call) { return fault.call == call; };
  const int error = fault.error;
  GlobalHooks hooks;
  if (is_met(SystemCall::kEpollCreate)) hooks.epoll_create = [error] { return FailWith(error); };
  if (is_met(SystemCall::kEventFd)) hooks.event_fd = [error] { return FailWith(error); };
  if (is_met(SystemCall::kCreateThread)) {
    hooks.create_thread = [error](pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) { return error; };
  }
  if (is_met(SystemCall::kWatchWake)) {
    hooks.event_fd = [error, wake_hooks] {
      const int fd = RealCalls().event_fd();
      FdHooks on_wake;
      on_wake.epoll_ctl = [error](int, int, int, epoll_event*) { return FailWith(error); };
      *wake_hooks = std::make_unique<ScopedFdHooks>(fd, std::move(on_wake));
      return fd;
    };
  }
  return hooks;
}

TEST(FaultsStart, "fault table: while no thread can be started nothing is taken, sent or left open") {
  static Sender sender;
  Totals totals;
  const Bytes content = Pattern(1000);
  const UniqueFd file = MakeFile(content);
  Subject subject(ConnectPair(), std::nullopt, {}, &sender);
  const size_t descriptors = OpenDescriptors();
  for (const Fault& fault : FaultTable()) {
    if (fault.effect != Effect::kNoThread) continue;
    std::unique_ptr<ScopedFdHooks> wake_hooks;
    const ScopedGlobalHooks scoped(StartHooks(fault, &wake_hooks));
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(subject.SendBytes(1, content), -fault.error);
      EXPECT_EQ(subject.SendRange(2, file, 0, content.size()), -fault.error);
      totals.Add(&fault);
      everything.Add(&fault);
    }
    EXPECT_EQ(OpenDescriptors(), descriptors);
  }
  EXPECT(subject.sink->all().empty());
  EXPECT_EQ(subject.queue->bytes_sent(), uint64_t{0});
  EXPECT_EQ(subject.SendRange(3, file, 0, content.size()), kPending);
  EXPECT_EQ(subject.sink->OutcomeOf(3), 0);
  EXPECT(ReadUpTo(subject.connection.far.get(), content.size()) == content);
  totals.Tell("the start of a thread");
}

TEST(FaultsMet, "fault table: every row of it was tried") {
  if (everything.runs == 0) return Skip("nothing of it ran");
  for (const Fault& fault : FaultTable()) {
    if (everything.faults.count(&fault) == 0) Fail(__FILE__, __LINE__, NameOf(fault));
  }
  everything.Tell("all");
}

}  // namespace
}  // namespace ktls::test
