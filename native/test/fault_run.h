// One run of the scenario that the fault table is tried on: a head, a range, bytes, another range and a close_notify,
// on a socket that has room for little at a time; keys are to change in the middle of the first range.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fault_injector.h"
#include "fixtures.h"

namespace ktls::test {

struct Scenario {
  enum class End {
    kFinished,      // everything is waited for
    kClosedInside,  // closed, for a reset or not, while the sender's thread is inside a call
    kResetInside,
    kAbortedInside,  // likewise aborted, and closed when the thread has let go
    kAbortedAndClosedInside,
    kClosedFull,  // closed with alerts that wait for room, behind bytes
    kClosedOpen,  // likewise, behind a record that stands open
  };

  const char* name;
  std::optional<TlsVersion> tls;  // none: plain bytes
  bool has_sendfile = true;
  bool is_slow = false;
  End end = End::kFinished;
  SystemCall held = SystemCall::kSendfile;  // where the thread is until everything is submitted
  bool is_on_disk = false;                  // the file: nothing of it is in memory when it is asked for
  bool is_at_once = false;                  // the head is a range, too, and sent on the owner's thread
  bool is_stopped = false;                  // the first range, while the thread is inside a call

  bool is_aborted() const { return end == End::kAbortedInside || end == End::kAbortedAndClosedInside; }
  bool is_closed_inside() const {
    return end == End::kClosedInside || end == End::kResetInside || end == End::kAbortedAndClosedInside;
  }
};

struct RunResult {
  struct Item {
    size_t size;                     // of its application data
    int submitted;                   // what the submit call said
    std::optional<Completion> told;  // its last word through the sink

    // 0 or -errno; nothing if that is still to be said.
    std::optional<int> word() const;
  };

  std::array<size_t, kSystemCalls> calls;
  size_t met;                      // calls that met the fault
  std::optional<int> failed_with;  // by a fault that must fail the queue
  bool failed_item_is_nobodys;     // the KeyUpdate
  bool sent_after_failure;

  std::vector<Item> items;  // without alerts that overtake
  bool in_time;             // the last words were said, or the socket stayed full
  bool one_word_each;       // through the sink, in order
  Bytes wanted;             // what was submitted
  Bytes arrived;            // what was sent, without an open record
  size_t taken;             // what was sent
  uint64_t counted;         // what the queue says was sent
  int keys_spent;
  int rekeys;
  bool sent_under_old_keys;  // after a KeyUpdate
  std::string offence;
  bool sent_urgent_alerts;
  bool was_stopped;          // the range, before its end
  bool was_inside;           // the thread, when Close() was called
  bool closed_at_once;       // Close() said so
  bool was_told_of_release;  // kReleased followed
  bool kept_connection;      // by the socket's number, although closed at once
  bool is_misused;           // the number, after it was given to something else
  bool all_closed;
};

RunResult RunScenario(const Scenario& scenario, const Plan& plan);

}  // namespace ktls::test
