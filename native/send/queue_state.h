// The inside of a SocketQueue, shared by its two halves: the owner's thread submits (socket_queue.cc, queue_at_once.cc)
// and closes (queue_close.cc), the sender's thread works off (queue_turn.cc).
//
// Locks. `mutex` guards every field that is not const or atomic. Whoever sets `busy` under it holds the queue's write
// side after letting go of it: the socket, the first item and `acceptance` are then that thread's alone until it has
// the mutex again and looks whether the queue has `ended`. Order: mutex, then the outbox's, the thread's or the disk
// reader's; never the reverse.
#pragma once

#include <atomic>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>

#include "acceptance.h"
#include "item.h"
#include "linger.h"
#include "outbox.h"
#include "socket_queue.h"
#include "step.h"
#include "turn.h"

namespace ktls {

class SenderThread;

struct SocketQueue::State {
  // What the sender's thread will do about this queue without being told.
  enum class Attention {
    kNone,     // nothing
    kSoon,     // a turn is under way, or certain to come
    kBlocked,  // a turn when the socket has room
    kWaiting,  // a turn when a timer ends: everything is taken, not everything is accepted
  };

  // Of the key that the kernel encrypts with.
  enum class Key {
    kGood,
    kDue,     // changed before the next application data
    kQueued,  // its KeyUpdate is among the urgent items
    kSpent,   // should be changed and cannot
  };

  State(Sender* sender_, UniqueFd socket_, const std::optional<KernelTlsState>& tls, KeyChange key_change_,
        std::shared_ptr<CompletionSink> sink);

  // --- under `mutex` ---
  // Whether an item may be submitted. 0 or -errno.
  int Admit();
  bool HasItems() const { return !urgent.empty() || !items.empty(); }
  // Whether something may be sent now.
  bool CanGoOn() const;
  // The kernel waits for more of the first item, a range, before it encrypts what it has.
  bool RecordMayBeOpen() const;
  // Nobody may be `busy`: leaves of a range only what closes a record.
  void CutShort(ItemId item);
  // The key should not protect much more.
  void DemandKeyChange();
  // Puts a KeyUpdate before all other items. 0 or -errno.
  int QueueKeyUpdate();
  // Nothing is in front of a new item, so that the owner's thread may send it.
  bool MayBypass() const { return !busy && !HasItems(); }

  // An item is taken whole: does what belongs behind it and finds out what it waits for. 0 or -errno.
  int Settle(const Item& item, TakenItem* settled);
  void AwaitAcceptance(const TakenItem& item);
  // Of the first item, which was just worked on. 0 or -errno; then it is still the first.
  int TakeFirst(std::list<Item>* from);
  void CountTaken(Item* item, size_t size);
  // The first item has failed: it and all behind it follow what was taken before them, then nothing more.
  void FailFirst(std::list<Item>* from, int error);
  // TCP gave up: nothing that is not accepted yet will be.
  void FailConnection(int error);
  // Completes, in order, what TCP has accepted.
  void CompleteAccepted();
  // Tells every item that it is over, once. The items themselves stay while a thread is `busy` with the first.
  void EndAll(int error);
  // Out of the epoll set, where a closed number would live on (epoll(7), Q6).
  void LeaveEpoll();
  // The same, and gives the socket up.
  UniqueFd TakeSocket();
  // Tells the sender's thread that there is work, if it does not know.
  void Notify(const std::shared_ptr<SocketQueue>& self);

  // --- socket_queue.cc, the owner's thread; these return Submitted or -errno ---
  int SubmitControl(const std::shared_ptr<SocketQueue>& self, ItemId item, ControlItem control, bool is_urgent);
  int SubmitBytes(const std::shared_ptr<SocketQueue>& self, ItemId item, const iovec* buffers, size_t count);
  int SubmitRange(const std::shared_ptr<SocketQueue>& self, Item item, FileRange&& range);
  void StopRange(const std::shared_ptr<SocketQueue>& self, ItemId item);

  // --- queue_at_once.cc, the owner's thread, under `mutex` ---
  // Of a range that is to be sent on this thread, as much as the socket takes. 0 or -errno.
  int SendAtOnce(Item* item);
  // An item that was sent without having been in the queue. Submitted or -errno.
  int FinishAtOnce(const std::shared_ptr<SocketQueue>& self, const Item& item);
  // Likewise, `settled`: whether nothing is left to be waited for. 0 or -errno.
  int IsCompleteAtOnce(const TakenItem& settled, bool* complete) const;
  int FailAtOnce(int error);

  // --- queue_close.cc, the owner's thread, under `mutex` ---
  // What is left for alerts that would be dropped now: one attempt each, if no record stands open.
  void SendUrgentAlerts();
  // The connection was ended because its key is spent, of which the peer knows nothing: it may be sending. Before the
  // queue ends.
  bool ShouldLinger() const;
  // Of the socket that a thread is `busy` with: its number leads nowhere from now on, and only a system call that the
  // kernel has begun still holds the connection, until it returns. False: for want of a descriptor nothing has changed.
  bool LeaveConnection();

  // --- queue_turn.cc, the sender's thread, under `mutex` ---
  Turn RunTurn(const std::shared_ptr<SocketQueue>& self, int epoll, const Wake& wake,
               std::unique_lock<std::mutex>* lock);
  void SendSome(const std::shared_ptr<SocketQueue>& self, std::unique_lock<std::mutex>* lock);
  // From a range's first call on, if it needs more, until it is taken whole, fails or waits for the disk. Uncork: the
  // owner's thread's, too.
  void Cork();
  void Uncork();
  // Has others read what `range` needs next; until then only urgent items are sent.
  void ReadFromDisk(const std::shared_ptr<SocketQueue>& self, RangeItem* range);
  void ReportProgress(Item* item);
  Turn Wait(int epoll);
  bool Watch(int epoll, uint32_t events);
  Turn LingerOn(int epoll);
  Turn Retire();

  Sender* const sender;
  const uint64_t id;  // never reused; what epoll events carry
  std::atomic<uint64_t> bytes_sent{0};

  mutable std::mutex mutex;
  UniqueFd socket;
  int epoll_fd = -1;  // the set that `socket` is in
  SenderThread* thread = nullptr;
  Attention attention = Attention::kNone;
  bool busy = false;
  bool fatally_alerted = false;        // RFC 8446, 6.2: no other alert follows a fatal one
  bool failed = false;                 // an item failed: nothing more is accepted or sent
  bool ended = false;                  // likewise, and every item was told so
  bool closed = false;                 // likewise, and the socket is closed as soon as nobody is `busy` with it
  std::optional<ItemId> release_item;  // Close is waiting for the thread to let go
  std::optional<Linger> linger;        // closed for its owner, and not yet for the peer

  // Lists, because the thread that is `busy` keeps a reference to the first item while others come and go.
  std::list<Item> urgent;  // before `items`, at any record border
  std::list<Item> items;
  std::optional<ItemId> stopped;  // a range, while a thread is `busy`
  std::deque<TakenItem> taken;
  Acceptance acceptance;
  Outbox outbox;

  KeyChange key_change;
  Key key = Key::kGood;
  std::optional<ItemId> key_item;  // is told when the key is spent

  std::chrono::microseconds acceptance_delay{0};
  bool corked = false;              // TCP sends full segments only
  bool reading = false;             // the first of `items` is being read from the disk
  bool blocked = false;             // the socket was full at the last attempt
  bool seems_full = false;          // nobody said so, but it took less than it was given
  Clock::time_point blocked_until;  // tried again then even if epoll says nothing
};

}  // namespace ktls
