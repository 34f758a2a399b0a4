#include "acceptance.h"

#include <netinet/tcp.h>

#include <cerrno>
#include <limits>

namespace ktls {

Acceptance::Acceptance(const std::optional<KernelTlsState>& tls) : tls_(tls) {
  if (!tls_) return;
  overhead_ = RecordOverhead(tls_->version, tls_->cipher);
  first_sequence_ = tls_->record_sequence_at_hand_over;
  records_under_key_at_most_ = first_sequence_;
}

void Acceptance::AddPlaintext(uint64_t bytes) {
  plaintext_ += bytes;
  // The last record of before may have been closed, and another begun.
  if (tls_) records_under_key_at_most_ += bytes / kMaxRecordBytes + 2;
}

int Acceptance::ReadTarget(int socket_fd, uint64_t* target) {
  *target = 0;
  if (!tls_) return 0;
  uint64_t records;
  if (const int error = ReadRecords(socket_fd, &records)) return error;
  *target = plaintext_ + records * overhead_;
  return 0;
}

int Acceptance::ReadAccepted(int socket_fd, uint64_t* accepted, bool* connection_is_closed) const {
  if (!tls_) {
    *accepted = std::numeric_limits<uint64_t>::max();
    *connection_is_closed = false;
    return 0;
  }
  uint64_t since_connect;
  uint8_t state;
  if (const int error = ReadBytesAcceptedAtLeast(socket_fd, &since_connect, &state)) return error;
  // The sum may be too small for a moment, even smaller than at the hand-over.
  const uint64_t base = tls_->bytes_accepted_at_hand_over;
  *accepted = since_connect > base ? since_connect - base : 0;
  *connection_is_closed = state == TCP_CLOSE;
  return 0;
}

bool Acceptance::ConnectionIsClosed(int socket_fd) const {
  uint64_t since_connect;
  uint8_t state;
  return ReadBytesAcceptedAtLeast(socket_fd, &since_connect, &state) == 0 && state == TCP_CLOSE;
}

int Acceptance::Rekey(int socket_fd, const TransmitKeys& keys) {
  if (!tls_) return -EINVAL;
  uint64_t records;
  if (const int error = ReadRecords(socket_fd, &records)) return error;
  if (const int error = SetTransmitKeys(socket_fd, keys)) return error;
  records_under_earlier_keys_ = records;
  first_sequence_ = keys.record_sequence;
  records_under_key_at_most_ = first_sequence_;
  return 0;
}

int Acceptance::ReadRecords(int socket_fd, uint64_t* records) {
  uint64_t sequence;
  if (const int error = ReadRecordSequence(socket_fd, tls_->version, tls_->cipher, &sequence)) return error;
  // A number that went back means that the socket has another writer; what is on the wire is unknown.
  if (sequence < first_sequence_) return -EPROTO;
  *records = records_under_earlier_keys_ + (sequence - first_sequence_);
  records_under_key_at_most_ = sequence;
  return 0;
}

}  // namespace ktls
