// The owner's half of a queue: what may be submitted and closed.
#include "socket_queue.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "../kernel/system_calls.h"
#include "bytes_step.h"
#include "control_step.h"
#include "disk_reader.h"
#include "queue_state.h"
#include "range_step.h"

namespace ktls {

namespace {

constexpr auto kPending = static_cast<int>(Submitted::kPending);
constexpr auto kComplete = static_cast<int>(Submitted::kComplete);

// The most that the owner's thread, which runs JavaScript, encrypts itself.
constexpr size_t kMaxBytesAtOnce = 256 * 1024;

constexpr auto kMaxOffset = static_cast<uint64_t>(std::numeric_limits<off_t>::max());

// Everything but the first `skip` bytes.
std::vector<uint8_t> CopyRest(const iovec* buffers, size_t count, size_t skip, size_t size) {
  std::vector<uint8_t> rest;
  rest.reserve(size - skip);
  for (size_t i = 0; i < count; ++i) {
    const auto* bytes = static_cast<const uint8_t*>(buffers[i].iov_base);
    const size_t skipped = std::min(skip, buffers[i].iov_len);
    rest.insert(rest.end(), bytes + skipped, bytes + buffers[i].iov_len);
    skip -= skipped;
  }
  return rest;
}

// An answer to the peer that waits already: a peer that does not read could otherwise pile up any number of them.
bool Repeats(const Item& item, const Item& before) {
  const auto* control = std::get_if<ControlItem>(&item.content);
  const auto* control_before = std::get_if<ControlItem>(&before.content);
  return item.id == kNobody && before.id == kNobody && control_before && control_before->bytes == control->bytes &&
         control_before->content_type == control->content_type;
}

}  // namespace

std::shared_ptr<SocketQueue> SocketQueue::Open(Sender* sender, UniqueFd socket, std::optional<KernelTlsState> tls,
                                               KeyChange key_change, std::shared_ptr<CompletionSink> sink) {
  return std::make_shared<SocketQueue>(
      PassKey(), std::make_unique<State>(sender, std::move(socket), tls, std::move(key_change), std::move(sink)));
}

SocketQueue::SocketQueue(PassKey, std::unique_ptr<State> state) : state_(std::move(state)) {}

SocketQueue::~SocketQueue() { state_->TakeSocket(); }

uint64_t SocketQueue::id() const { return state_->id; }

uint64_t SocketQueue::bytes_sent() const { return state_->bytes_sent; }

int SocketQueue::SendRange(ItemId id, FileRange&& range) {
  if (!range.file.is_open()) return -EBADF;
  if (range.offset > kMaxOffset || range.length > kMaxOffset - range.offset) return -EINVAL;

  RangeItem content;
  content.offset = range.offset;
  content.remaining = range.length;
  content.progress_interval = std::chrono::milliseconds(range.progress_ms);
  Item item{id, false, 0, std::move(content)};
  const int submitted = state_->SubmitRange(shared_from_this(), std::move(item), std::move(range));
  state_->outbox.Flush();
  return submitted;
}

int SocketQueue::State::SubmitRange(const std::shared_ptr<SocketQueue>& self, Item item, FileRange&& range) {
  const std::lock_guard lock(mutex);
  if (const int error = Admit()) return error;
  auto& content = std::get<RangeItem>(item.content);
  content.file = std::make_shared<const UniqueFd>(std::move(range.file));
  int error = 0;
  bool is_taken = false;
  TakenItem settled;
  if (range.at_once && MayBypass() && key != Key::kDue) {
    error = SendAtOnce(&item);
    is_taken = error == 0 && content.remaining == 0;
    if (is_taken) error = Settle(item, &settled);
  }
  if (is_taken && error == 0) {
    bool complete;
    error = IsCompleteAtOnce(settled, &complete);
    if (complete) return kComplete;
    AwaitAcceptance(settled);
    if (error != 0) FailConnection(error);
  } else {
    items.push_back(std::move(item));
    if (error != 0) FailFirst(&items, error);
  }
  Notify(self);
  return kPending;
}

int SocketQueue::State::SendAtOnce(Item* item) {
  auto& range = std::get<RangeItem>(item->content);
  const auto size = static_cast<size_t>(range.remaining);
  if (!IsInMemory(range.file->get(), range.offset, size)) return 0;
  range.in_memory_until = range.offset + size;
  item->begun = true;
  range.progress_reported = Clock::now();
  while (range.remaining > 0) {
    const auto limit = static_cast<size_t>(range.remaining);
    const StepResult result = SendRangeStep(socket.get(), acceptance.kernel_tls(), limit, &range);
    CountTaken(item, result.taken);
    if (result.error == -EAGAIN || result.seems_full) return 0;
    if (result.error != 0) return result.error;
  }
  return 0;
}

int SocketQueue::SendBytes(ItemId id, const iovec* buffers, size_t count) {
  const int submitted = state_->SubmitBytes(shared_from_this(), id, buffers, count);
  state_->outbox.Flush();
  return submitted;
}

int SocketQueue::State::SubmitBytes(const std::shared_ptr<SocketQueue>& self, ItemId item_id, const iovec* buffers,
                                    size_t count) {
  size_t size = 0;
  for (size_t i = 0; i < count; ++i) size += buffers[i].iov_len;

  const std::lock_guard lock(mutex);
  if (const int error = Admit()) return error;
  Item item{item_id, false, 0, BytesItem()};
  if (MayBypass() && key != Key::kDue) {
    const StepResult result = SendBytesStep(socket.get(), buffers, count, kMaxBytesAtOnce);
    CountTaken(&item, result.taken);
    if (result.error != 0 && result.error != -EAGAIN) return FailAtOnce(result.error);
    if (result.taken == size) return FinishAtOnce(self, item);
  }
  std::get<BytesItem>(item.content).bytes = CopyRest(buffers, count, item.taken, size);
  items.push_back(std::move(item));
  Notify(self);
  return kPending;
}

int SocketQueue::SendControl(ItemId id, uint8_t content_type, const uint8_t* bytes, size_t size, bool urgent) {
  const int submitted =
      state_->SubmitControl(shared_from_this(), id, {content_type, {bytes, bytes + size}, nullptr}, urgent);
  state_->outbox.Flush();
  return submitted;
}

void SocketQueue::RequestKeyUpdate() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->DemandKeyChange();
  }
  state_->outbox.Flush();
}

void SocketQueue::WatchKey(ItemId item) {
  const std::lock_guard lock(state_->mutex);
  state_->key_item = item;
}

int SocketQueue::State::SubmitControl(const std::shared_ptr<SocketQueue>& self, ItemId item_id, ControlItem control,
                                      bool is_urgent) {
  // On plain TCP the record type would be ignored and the bytes sent as they are.
  if (!acceptance.kernel_tls() || control.bytes.empty() || control.bytes.size() > kMaxRecordBytes) return -EINVAL;

  const std::lock_guard lock(mutex);
  if (const int error = Admit()) return error;
  if (control.content_type == kRecordTypeAlert) {
    if (fatally_alerted) return -EPIPE;
    fatally_alerted = control.bytes[0] == kAlertLevelFatal;
  }
  Item item{item_id, false, 0, std::move(control)};
  if (MayBypass()) {
    const StepResult result = SendControlStep(socket.get(), std::get<ControlItem>(item.content));
    CountTaken(&item, result.taken);
    if (result.error == 0) return FinishAtOnce(self, item);
    if (result.error != -EAGAIN) return FailAtOnce(result.error);
  }
  std::list<Item>* const to = is_urgent ? &urgent : &items;
  if (!to->empty() && Repeats(item, to->back())) return kComplete;
  to->push_back(std::move(item));
  Notify(self);
  return kPending;
}

int SocketQueue::State::FinishAtOnce(const std::shared_ptr<SocketQueue>& self, const Item& item) {
  TakenItem settled;
  if (const int error = Settle(item, &settled)) return FailAtOnce(error);
  bool complete;
  if (const int error = IsCompleteAtOnce(settled, &complete)) return FailAtOnce(error);
  if (complete) return kComplete;
  AwaitAcceptance(settled);
  Notify(self);
  return kPending;
}

int SocketQueue::State::IsCompleteAtOnce(const TakenItem& settled, bool* complete) const {
  *complete = false;
  if (!taken.empty() || !outbox.IsIdle()) return 0;  // it would overtake what completes before it
  uint64_t accepted;
  bool connection_is_closed;
  const int error = acceptance.ReadAccepted(socket.get(), &accepted, &connection_is_closed);
  *complete = error == 0 && settled.target <= accepted;
  return error;
}

int SocketQueue::State::FailAtOnce(int error) {
  failed = true;
  return error;
}

// As Node's own destroy() after an alert: what the socket takes at once is sent, the rest is dropped.
void SocketQueue::State::SendUrgentAlerts() {
  if (RecordMayBeOpen()) return;
  for (const Item& item : urgent) {
    const auto& control = std::get<ControlItem>(item.content);
    if (control.content_type == kRecordTypeAlert && SendControlStep(socket.get(), control).error != 0) return;
  }
}

bool SocketQueue::State::LeaveConnection() {
  const UniqueFd nowhere(system_calls.epoll_create());  // takes no bytes from any call
  if (!nowhere.is_open()) return false;
  LeaveEpoll();
  return system_calls.replace(nowhere.get(), socket.get()) >= 0;
}

bool SocketQueue::State::ShouldLinger() const {
  return key == Key::kSpent && thread && !busy && !failed && !ended && !HasItems() && taken.empty() &&
         Linger::IsHalfClosed(socket.get());
}

void SocketQueue::Abort() {
  std::list<Item> urgent, items;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->ended) return;
    state_->EndAll(-EPROTO);
    system_calls.shutdown(state_->socket.get(), SHUT_RDWR);
    if (!state_->busy) {
      urgent.swap(state_->urgent);
      items.swap(state_->items);
    }
  }
  state_->outbox.Flush();
}

bool SocketQueue::Close(ItemId release_item, bool for_reset) {
  UniqueFd socket;  // closed, as are the ranges' files, without the lock
  std::list<Item> urgent, items;
  bool released;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->closed) return !state_->release_item;
    state_->closed = true;
    if (!for_reset && !state_->busy) state_->SendUrgentAlerts();
    if (!for_reset && state_->ShouldLinger()) state_->linger.emplace(Clock::now());
    state_->EndAll(-ECANCELED);
    released = !state_->busy;
    if (state_->linger) {
      state_->LeaveEpoll();  // which is for sending
      state_->Notify(shared_from_this());
    } else if (released) {
      socket = state_->TakeSocket();
      urgent.swap(state_->urgent);
      items.swap(state_->items);
    } else {
      if (!for_reset) system_calls.shutdown(state_->socket.get(), SHUT_RDWR);
      released = state_->LeaveConnection();
      if (!released) state_->release_item = release_item;
    }
  }
  state_->outbox.Flush();
  return released;
}

}  // namespace ktls
