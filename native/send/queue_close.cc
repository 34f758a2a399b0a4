// The end of a queue: closed by its owner, or aborted.
#include <cerrno>

#include "../kernel/system_calls.h"
#include "control_step.h"
#include "queue_state.h"

namespace ktls {

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
    if (!for_reset && !state_->busy) {
      state_->SendUrgentAlerts();
      state_->Uncork();  // another process may hold the socket
    }
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
