// When is an item sent? Not when kernel TLS has taken it: a record that TCP has no room for is parked inside the TLS
// layer, where close() drops it and before which shutdown() puts the FIN. It is sent when TCP has accepted the item's
// last record. No system call says so; what says so is arithmetic:
//
//   bytes TCP accepted since the hand-over  >=  plaintext sent since then + records since then * bytes each adds
//
// both taken up to and with the item's last byte. Plain TCP accepts what it takes.
#pragma once

#include <cstdint>
#include <optional>

#include "../kernel/kernel_tls.h"

namespace ktls {

// Of a session that was handed over.
struct KernelTlsState {
  TlsVersion version;
  Cipher cipher;
  uint64_t record_sequence_at_hand_over;
  uint64_t bytes_accepted_at_hand_over;  // ReadBytesAccepted before the first kernel record
};

class Acceptance {
 public:
  explicit Acceptance(const std::optional<KernelTlsState>& tls);

  // The kernel took this much plaintext, of whatever content type, by one system call.
  void AddPlaintext(uint64_t bytes);

  // Not fewer than the records that the present key has protected, without asking the kernel. Plain TCP has none.
  uint64_t records_under_key_at_most() const { return records_under_key_at_most_; }

  // What must be accepted for everything taken so far to be sent. Only at an item's last byte: no record is open then.
  // 0 or -errno.
  int ReadTarget(int socket_fd, uint64_t* target);

  // How much of any target TCP has accepted; of plain TCP, all. 0 or -errno.
  int ReadAccepted(int socket_fd, uint64_t* accepted, bool* connection_is_closed) const;

  // Sets new keys and goes on counting across the restarted sequence number. 0 or -errno.
  int Rekey(int socket_fd, const TransmitKeys& keys);

  // Whether the connection is over, reset or timed out. A socket that is not TCP never says so.
  bool ConnectionIsClosed(int socket_fd) const;

  bool kernel_tls() const { return tls_.has_value(); }

 private:
  int ReadRecords(int socket_fd, uint64_t* records);

  const std::optional<KernelTlsState> tls_;
  uint64_t overhead_ = 0;
  uint64_t plaintext_ = 0;
  uint64_t records_under_earlier_keys_ = 0;
  uint64_t first_sequence_ = 0;  // under the present key
  uint64_t records_under_key_at_most_ = 0;
};

}  // namespace ktls
