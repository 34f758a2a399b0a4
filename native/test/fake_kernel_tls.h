// The kernel's TLS layer as the sender sees it, played behind the table of system calls: it takes plaintext, cuts it
// into records, counts them, and parks what "TCP" has no room for until the test lets TCP accept it. It also watches
// for what must never be done to the real one.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "../kernel/kernel_tls.h"
#include "../send/socket_queue.h"
#include "fixtures.h"
#include "hooks.h"

namespace ktls::test {

class FakeKernelTls {
 public:
  struct Record {
    uint8_t type;
    Bytes plaintext;
  };

  explicit FakeKernelTls(TlsVersion version = TlsVersion::kTls13, Cipher cipher = Cipher::kAes128Gcm);

  KernelTlsState state() const;
  FdHooks Hooks();

  // Room for this much plaintext, then EAGAIN.
  void SetRoom(size_t bytes);
  // Until the sender waits for that room: until it was told EAGAIN twice, since entering the epoll set brings one
  // event.
  bool WaitUntilFull() { return WaitUntilRefused(2); }
  bool WaitUntilRefused(int times);
  // TCP accepts everything at once (true, the default), or only what it is told to.
  void SetAccepting(bool everything);
  void Accept(uint64_t wire_bytes);
  void SetTcpState(uint8_t state);
  void SetRekeyError(int error);

  std::vector<Record> records() const;
  Bytes application_data() const;
  uint64_t wire_bytes() const;
  uint64_t sequence() const;
  int rekeys() const;
  // What was done to an open record that the real kernel does not survive; empty if nothing.
  std::string offence() const;

 private:
  ssize_t SendFile(int file_fd, off_t* offset, size_t count);
  ssize_t SendMessage(const msghdr* message);
  int SetOption(int level, const void* value, socklen_t size);
  int GetOption(int level, int name, void* value, socklen_t* size);
  ssize_t Refuse();
  size_t Take(uint8_t type, const uint8_t* bytes, size_t size);
  void CloseRecord();
  uint64_t Accepted() const;

  const TlsVersion version_;
  const Cipher cipher_;
  mutable std::mutex mutex_;
  std::condition_variable refused_changed_;
  int refusals_ = 0;
  size_t room_;
  bool accepting_ = true;
  uint64_t accepted_ = 0;  // of the wire bytes since the hand-over
  uint8_t tcp_state_;
  int rekey_error_ = 0;
  int rekeys_ = 0;
  uint64_t sequence_;
  uint64_t wire_bytes_ = 0;
  std::optional<Record> open_;
  std::vector<Record> records_;
  std::string offence_;
};

}  // namespace ktls::test
