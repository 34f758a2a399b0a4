// One socket's native queue: the only place from which bytes are written to a socket that was handed over (and, on a
// plain TCP socket, from which ranges are). Items leave in the order in which they were submitted.
//
// Threads: submitted to and closed by the thread that owns the socket in JavaScript ("owner"); worked off by the
// sender's thread; told by a disk reader's that a file is read. Everything mutable is under State::mutex, which is held
// during a sendfile or pread only for bytes that were just seen in memory (SendAtOnce).
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "../kernel/unique_fd.h"
#include "acceptance.h"
#include "completion.h"
#include "key_change.h"

namespace ktls {

class Sender;
class SenderThread;
struct Turn;
struct Wake;

struct FileRange {
  UniqueFd file;  // the transfer's own duplicate
  uint64_t offset;
  uint64_t length;
  uint32_t progress_ms;  // report kProgress at most this often while bytes advance; 0: never
  bool at_once = false;  // on the calling thread, if the queue is empty and the file in memory: small ones
};

// What a submit call answers; otherwise a negative errno, and the item is not in the queue: -EPIPE after a failure or
// Close; -EAGAIN, -EMFILE and the like if no sender thread could be started (nothing was sent; it may be tried again).
// Any other error of SendBytes and SendControl is the socket's, and the queue has failed with it.
enum class Submitted : int { kPending = 0, kComplete = 1 };

class SocketQueue : public std::enable_shared_from_this<SocketQueue> {
 public:
  // `socket` is the queue's own duplicate of a non-blocking stream socket. `tls` is empty for plain TCP.
  static std::shared_ptr<SocketQueue> Open(Sender* sender, UniqueFd socket, std::optional<KernelTlsState> tls,
                                           KeyChange key_change, std::shared_ptr<CompletionSink> sink);
  ~SocketQueue();

  // --- the owner's thread ---
  // Takes the file over, unless the answer is negative: then nothing was sent.
  int SendRange(ItemId item, FileRange&& range);
  // A range goes no further than it has come, with a byte more where a record stands open, and completes as ever: after
  // what is before it and when TCP has accepted it. `bytes_sent` tells how far that was. Too late for it: nothing
  // happens.
  void StopRange(ItemId item);
  // An empty queue sends at once (MSG_DONTWAIT); what is not taken is copied and waits its turn.
  int SendBytes(ItemId item, const iovec* buffers, size_t count);
  // One record, whole. `urgent`: before everything that has not begun, at the next record border (a fatal alert).
  int SendControl(ItemId item, uint8_t content_type, const uint8_t* bytes, size_t size, bool urgent);
  // The peer asks for new keys. They follow a KeyUpdate, as one step, before the next application data and not sooner,
  // so that any number of requests costs one; alerts do not wait for it. Where the keys cannot change, see WatchKey.
  void RequestKeyUpdate();
  // `item` is told kKeySpent, once, when the key should change and cannot: the queue goes on with it, for its owner to
  // finish what it has begun.
  void WatchKey(ItemId item);
  // Nothing of this queue is sent after it. Every pending item completes with -ECANCELED through the sink.
  // A thread that is inside a system call does not hold this up: unless `for_reset`, the connection is shut down both
  // ways, so that the peer hears of it now, and the queue holds on to it for no longer than that call takes.
  // False: only for want of a descriptor it does so until the thread lets go; kReleased (with `release_item`) follows.
  // A connection that was shut down since its key was spent is lingered on (linger.h): nothing of it is the
  // owner's any more, but the descriptor stays open for a while.
  bool Close(ItemId release_item, bool for_reset);

  // Something would have to be sent that cannot be right: pending items fail with -EPROTO, the connection is shut down
  // both ways, and nothing more is accepted (-EPIPE). Close() is still to be called.
  void Abort();

  uint64_t bytes_sent() const;  // plaintext taken by the kernel, application data only

 private:
  friend class SenderThread;
  struct State;
  struct PassKey {};

 public:
  SocketQueue(PassKey, std::unique_ptr<State> state);  // Open's

 private:
  uint64_t id() const;
  Turn RunTurn(int epoll_fd, const Wake& wake);  // on the sender's thread
  void FileIsRead();                             // on a disk reader's

  const std::unique_ptr<State> state_;
};

}  // namespace ktls
