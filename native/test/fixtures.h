// Sockets and files for tests.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "../kernel/unique_fd.h"
#include "../send/socket_queue.h"
#include "recording_sink.h"

namespace ktls::test {

using Bytes = std::vector<uint8_t>;

// Bytes that differ at every offset that a mistake could confuse.
Bytes Pattern(size_t size, uint32_t seed = 1);

// A file in memory.
UniqueFd MakeFile(const Bytes& content);
UniqueFd Duplicate(const UniqueFd& fd);

struct Connection {
  UniqueFd near;  // non-blocking
  UniqueFd far;   // blocking
};

Connection ConnectPair();                                            // AF_UNIX: for calls that a test plays itself
Connection ConnectTcp(int send_buffer = 0, int receive_buffer = 0);  // over loopback; 0: the system's default

// Reads until `size` bytes or the end.
Bytes ReadUpTo(int fd, size_t size);
Bytes ReadToEnd(int fd);
// Whether the end of the stream arrives in time.
bool EndsWithin(int fd, std::chrono::milliseconds time);
bool IsOpen(int fd);
// For a number that the sender's thread closes: nobody is told.
bool ClosesInTime(int fd);

// A queue on a connection, the socket's number and what it says.
struct Subject {
  Subject(Connection connection, std::optional<KernelTlsState> tls = std::nullopt, KeyChange key_change = {});
  Subject(Connection connection, std::optional<KernelTlsState> tls, KeyChange key_change, Sender* sender);
  ~Subject();

  int SendRange(ItemId item, const UniqueFd& file, uint64_t offset, uint64_t length, uint32_t progress_ms = 0);
  int SendRangeAtOnce(ItemId item, const UniqueFd& file, uint64_t offset, uint64_t length);
  int SendBytes(ItemId item, const Bytes& bytes);
  // Until the kernel has taken so much.
  bool WaitUntilSent(uint64_t bytes) const;
  // Until it takes no more, because nobody reads.
  void WaitUntilFull() const;
  // Makes epoll see EPOLLOUT on an AF_UNIX connection: something was sent and read.
  void MakeWritable();

  Connection connection;
  int socket_fd;  // the queue's duplicate
  std::shared_ptr<RecordingSink> sink = std::make_shared<RecordingSink>();
  std::shared_ptr<SocketQueue> queue;
};

constexpr int kPending = static_cast<int>(Submitted::kPending);
constexpr int kComplete = static_cast<int>(Submitted::kComplete);

// Something that a thread waits in front of.
class Gate {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  bool WaitForArrival() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return arrived_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int arrived_ = 0;
};

}  // namespace ktls::test
