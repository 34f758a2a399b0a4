// The owner's half of a queue: what may be submitted. How it ends is in queue_close.cc.
#include "socket_queue.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "bytes_step.h"
#include "control_step.h"
#include "queue_state.h"

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

void SocketQueue::StopRange(ItemId item) {
  const std::lock_guard lock(state_->mutex);
  state_->StopRange(shared_from_this(), item);
}

void SocketQueue::State::StopRange(const std::shared_ptr<SocketQueue>& self, ItemId item) {
  if (failed || ended) return;
  if (busy) {
    stopped = item;
    return;
  }
  CutShort(item);
  if (attention == Attention::kBlocked) attention = Attention::kWaiting;
  if (HasItems()) Notify(self);
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

}  // namespace ktls
