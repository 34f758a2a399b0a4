// What both halves of a queue do to it.
#include "queue_state.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "../kernel/system_calls.h"
#include "../kernel/unsent_limit.h"
#include "sender.h"
#include "sender_thread.h"

namespace ktls {

namespace {

constexpr auto kComplete = static_cast<int32_t>(Outcome::kComplete);

// Bytes that kernel TLS has taken are encrypted, in memory of their own. Where several connections share a processor,
// the sender would do that for megabytes of each (tcp_wmem, tcp(7)) in time that their clients need
// (docs/performance.md).
constexpr int kMaxUnsentBytes = 256 * 1024;

uint64_t NextQueueId() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

}  // namespace

SocketQueue::State::State(Sender* sender_, UniqueFd socket_, const std::optional<KernelTlsState>& tls,
                          KeyChange key_change_, std::shared_ptr<CompletionSink> sink)
    : sender(sender_),
      id(NextQueueId()),
      socket(std::move(socket_)),
      acceptance(tls),
      outbox(std::move(sink)),
      key_change(std::move(key_change_)) {
  if (tls) LimitUnsent(socket.get(), kMaxUnsentBytes);
}

int SocketQueue::State::Admit() {
  if (failed || ended) return -EPIPE;
  return thread ? 0 : sender->Assign(id, &thread);
}

bool SocketQueue::State::RecordMayBeOpen() const {
  const auto* range = items.empty() ? nullptr : std::get_if<RangeItem>(&items.front().content);
  return range && range->record_may_be_open;
}

bool SocketQueue::State::CanGoOn() const {
  if (blocked) return false;
  return reading ? !urgent.empty() && !RecordMayBeOpen() : HasItems();
}

void SocketQueue::State::CutShort(ItemId item) {
  for (Item& candidate : items) {
    auto* range = std::get_if<RangeItem>(&candidate.content);
    if (candidate.id != item || !range) continue;
    range->remaining = std::min(range->remaining, uint64_t{range->record_may_be_open ? kBytesToCloseRecord : 0});
    blocked = false;  // nothing may need room now
  }
}

void SocketQueue::State::DemandKeyChange() {
  if (key != Key::kGood || failed || ended) return;
  if (key_change.source) {
    key = Key::kDue;
    return;
  }
  key = Key::kSpent;
  if (key_item) outbox.Push({*key_item, static_cast<int32_t>(Outcome::kKeySpent), 0});
}

int SocketQueue::State::QueueKeyUpdate() {
  // RFC 8446, 4.6.3: one byte, update_not_requested
  constexpr uint8_t kKeyUpdate[] = {kHandshakeKeyUpdate, 0, 0, 1, 0};
  ControlItem update{kRecordTypeHandshake, {std::begin(kKeyUpdate), std::end(kKeyUpdate)}, nullptr};
  update.next_keys = std::make_unique<TransmitKeys>();
  if (!key_change.source->Next(update.next_keys.get())) return -EKEYREJECTED;
  key = Key::kQueued;
  urgent.push_back({kNobody, false, 0, std::move(update)});
  return 0;
}

int SocketQueue::State::Settle(const Item& item, TakenItem* settled) {
  const auto* control = std::get_if<ControlItem>(&item.content);
  if (control && control->next_keys) {
    if (const int error = acceptance.Rekey(socket.get(), *control->next_keys)) return error;
    key = Key::kGood;
  }
  *settled = {item.id, item.taken, 0, kComplete};
  return acceptance.ReadTarget(socket.get(), &settled->target);
}

void SocketQueue::State::AwaitAcceptance(const TakenItem& item) {
  taken.push_back(item);
  acceptance_delay = std::chrono::microseconds::zero();
}

int SocketQueue::State::TakeFirst(std::list<Item>* from) {
  TakenItem item;
  if (const int error = Settle(from->front(), &item)) return error;
  AwaitAcceptance(item);
  from->pop_front();
  return 0;
}

void SocketQueue::State::CountTaken(Item* item, size_t size) {
  item->taken += size;
  acceptance.AddPlaintext(size);
  if (!std::holds_alternative<ControlItem>(item->content)) bytes_sent += size;
  if (acceptance.records_under_key_at_most() >= key_change.records_per_key) DemandKeyChange();
}

void SocketQueue::State::FailFirst(std::list<Item>* from, int error) {
  failed = true;
  Uncork();  // nothing follows, and the owner may take its time to end the connection
  // They wait for nothing but what was taken before: a failed file must not cut off the response in front of it.
  constexpr uint64_t kNothing = 0;
  taken.push_back({from->front().id, from->front().taken, kNothing, error});
  from->pop_front();
  for (std::list<Item>* rest : {&urgent, &items}) {
    for (const Item& item : *rest) taken.push_back({item.id, item.taken, kNothing, -ECANCELED});
    rest->clear();
  }
}

void SocketQueue::State::FailConnection(int error) {
  failed = true;
  for (const TakenItem& item : taken) {
    const bool was_well = item.outcome == kComplete;
    outbox.Push({item.id, was_well ? std::exchange(error, -ECANCELED) : item.outcome, item.taken});
  }
  taken.clear();
  for (std::list<Item>* rest : {&urgent, &items}) {
    for (const Item& item : *rest) outbox.Push({item.id, std::exchange(error, -ECANCELED), item.taken});
    rest->clear();
  }
}

void SocketQueue::State::CompleteAccepted() {
  if (taken.empty()) return;
  uint64_t accepted;
  bool connection_is_closed;
  if (const int error = acceptance.ReadAccepted(socket.get(), &accepted, &connection_is_closed)) {
    return FailConnection(error);
  }
  while (!taken.empty() && taken.front().target <= accepted) {
    outbox.Push({taken.front().id, taken.front().outcome, taken.front().taken});
    taken.pop_front();
  }
  if (!taken.empty() && connection_is_closed) FailConnection(-ECONNRESET);
}

void SocketQueue::State::EndAll(int error) {
  if (std::exchange(ended, true)) return;
  key_change.source.reset();  // a secret is kept for no longer than it may be needed
  for (const TakenItem& item : taken) outbox.Push({item.id, error, item.taken});
  taken.clear();
  for (std::list<Item>* rest : {&urgent, &items}) {
    for (const Item& item : *rest) outbox.Push({item.id, error, item.taken});
  }
}

void SocketQueue::State::LeaveEpoll() {
  if (epoll_fd < 0) return;
  epoll_event unused{};  // Linux before 2.6.9 wanted one, and so do the sanitizers' interceptors
  system_calls.epoll_ctl(epoll_fd, EPOLL_CTL_DEL, socket.get(), &unused);
  epoll_fd = -1;
}

UniqueFd SocketQueue::State::TakeSocket() {
  LeaveEpoll();
  return std::move(socket);
}

void SocketQueue::State::Notify(const std::shared_ptr<SocketQueue>& self) {
  if (attention != Attention::kNone && attention != Attention::kWaiting) return;
  attention = Attention::kSoon;
  thread->Schedule(self);
}

}  // namespace ktls
