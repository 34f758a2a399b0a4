// A CompletionSink that remembers, and lets a test wait.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "../send/completion.h"

namespace ktls::test {

class RecordingSink : public CompletionSink {
 public:
  void Deliver(const Completion& completion) override {
    const std::lock_guard lock(mutex_);
    all_.push_back(completion);
    changed_.notify_all();
  }

  std::vector<Completion> all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }

  // Whether so many have come, of whatever kind.
  bool WaitForCount(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return all_.size() >= count; });
  }

  // The item's last word, waited for.
  std::optional<Completion> WaitFor(ItemId item, std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    return WaitForAny({item}, patience);
  }

  // The last word of whichever has one first.
  std::optional<Completion> WaitForAny(const std::vector<ItemId>& items, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    std::optional<Completion> found;
    changed_.wait_for(lock, patience, [&] {
      for (const Completion& completion : all_) {
        if (std::find(items.begin(), items.end(), completion.item) != items.end() &&
            completion.outcome != static_cast<int32_t>(Outcome::kProgress))
          found = completion;
      }
      return found.has_value();
    });
    return found;
  }

  // Whether a queue whose Close() returned false has let its descriptor go.
  bool WaitForRelease() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] {
      return std::any_of(all_.begin(), all_.end(), [](const Completion& completion) {
        return completion.outcome == static_cast<int32_t>(Outcome::kReleased);
      });
    });
  }

  // Whether it is still without one after a while.
  bool StaysSilent(ItemId item, std::chrono::milliseconds time = std::chrono::milliseconds(60)) {
    return !WaitFor(item, time).has_value();
  }

  // Its outcome, or a number that is none.
  int32_t OutcomeOf(ItemId item) {
    const std::optional<Completion> found = WaitFor(item);
    return found ? found->outcome : INT32_MAX;
  }

  // Items in the order of their last words.
  std::vector<ItemId> Order() const {
    std::vector<ItemId> order;
    for (const Completion& completion : all()) {
      if (completion.outcome != static_cast<int32_t>(Outcome::kProgress)) order.push_back(completion.item);
    }
    return order;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Completion> all_;
};

}  // namespace ktls::test
