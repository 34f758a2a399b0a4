#include "fake_kernel_tls.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>

#include <algorithm>
#include <chrono>
#include <limits>

namespace ktls::test {

namespace {

constexpr size_t kRecordBytes = 16384;
constexpr uint64_t kFirstSequence = 7;  // the handshake's records, and the response head
constexpr uint64_t kAcceptedAtHandOver = 5000;
constexpr int kSolTls = 282;
constexpr uint8_t kTcpEstablished = 1;

void StoreSequence(uint64_t sequence, uint8_t* bytes) {
  for (int i = 7; i >= 0; --i, sequence >>= 8) bytes[i] = static_cast<uint8_t>(sequence & 0xff);
}

uint64_t LoadSequence(const uint8_t* bytes) {
  uint64_t sequence = 0;
  for (int i = 0; i < 8; ++i) sequence = sequence << 8 | bytes[i];
  return sequence;
}

}  // namespace

FakeKernelTls::FakeKernelTls(TlsVersion version, Cipher cipher)
    : version_(version),
      cipher_(cipher),
      room_(std::numeric_limits<size_t>::max()),
      tcp_state_(kTcpEstablished),
      sequence_(kFirstSequence) {}

KernelTlsState FakeKernelTls::state() const { return {version_, cipher_, kFirstSequence, kAcceptedAtHandOver}; }

FdHooks FakeKernelTls::Hooks() {
  FdHooks hooks;
  hooks.sendfile = [this](int, int file_fd, off_t* offset, size_t count) { return SendFile(file_fd, offset, count); };
  hooks.sendmsg = [this](int, const msghdr* message, int) { return SendMessage(message); };
  hooks.setsockopt = [this](int, int level, int, const void* value, socklen_t size) {
    return SetOption(level, value, size);
  };
  hooks.getsockopt = [this](int, int level, int name, void* value, socklen_t* size) {
    return GetOption(level, name, value, size);
  };
  hooks.bytes_in_send_queue = [this](int, int* bytes) {
    const std::lock_guard lock(mutex_);
    *bytes = static_cast<int>(Accepted() - Accepted() / 2);  // the half that is not acknowledged
    return 0;
  };
  return hooks;
}

void FakeKernelTls::SetRoom(size_t bytes) {
  const std::lock_guard lock(mutex_);
  room_ = bytes;
  refusals_ = 0;
}

bool FakeKernelTls::WaitUntilRefused(int times) {
  std::unique_lock lock(mutex_);
  return refused_changed_.wait_for(lock, std::chrono::seconds(20), [this, times] { return refusals_ >= times; });
}

ssize_t FakeKernelTls::Refuse() {
  ++refusals_;
  refused_changed_.notify_all();
  return FailWith(EAGAIN);
}

void FakeKernelTls::SetAccepting(bool everything) {
  const std::lock_guard lock(mutex_);
  accepted_ = Accepted();
  accepting_ = everything;
}

void FakeKernelTls::Accept(uint64_t wire_bytes) {
  const std::lock_guard lock(mutex_);
  accepted_ += wire_bytes;
}

void FakeKernelTls::SetTcpState(uint8_t state) {
  const std::lock_guard lock(mutex_);
  tcp_state_ = state;
}

void FakeKernelTls::SetRekeyError(int error) {
  const std::lock_guard lock(mutex_);
  rekey_error_ = error;
}

std::vector<FakeKernelTls::Record> FakeKernelTls::records() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

Bytes FakeKernelTls::application_data() const {
  Bytes data;
  for (const Record& record : records()) {
    if (record.type == kRecordTypeApplicationData) {
      data.insert(data.end(), record.plaintext.begin(), record.plaintext.end());
    }
  }
  return data;
}

uint64_t FakeKernelTls::wire_bytes() const {
  const std::lock_guard lock(mutex_);
  return wire_bytes_;
}

uint64_t FakeKernelTls::sequence() const {
  const std::lock_guard lock(mutex_);
  return sequence_;
}

int FakeKernelTls::rekeys() const {
  const std::lock_guard lock(mutex_);
  return rekeys_;
}

std::string FakeKernelTls::offence() const {
  const std::lock_guard lock(mutex_);
  return offence_;
}

uint64_t FakeKernelTls::Accepted() const { return accepting_ ? wire_bytes_ : std::min(accepted_, wire_bytes_); }

size_t FakeKernelTls::Take(uint8_t type, const uint8_t* bytes, size_t size) {
  size_t taken = 0;
  while (taken < size && room_ > 0) {
    if (!open_) open_ = Record{type, {}};
    const size_t part = std::min({size - taken, kRecordBytes - open_->plaintext.size(), room_});
    open_->plaintext.insert(open_->plaintext.end(), bytes + taken, bytes + taken + part);
    taken += part;
    room_ -= part;
    if (open_->plaintext.size() == kRecordBytes) CloseRecord();
  }
  return taken;
}

void FakeKernelTls::CloseRecord() {
  if (!open_) return;
  wire_bytes_ += open_->plaintext.size() + RecordOverhead(version_, cipher_);
  ++sequence_;
  records_.push_back(std::move(*open_));
  open_.reset();
}

ssize_t FakeKernelTls::SendFile(int file_fd, off_t* offset, size_t count) {
  Bytes bytes(count);
  const ssize_t found = RealCalls().pread(file_fd, bytes.data(), count, *offset);
  if (found <= 0) return found;
  const std::lock_guard lock(mutex_);
  if (room_ == 0) return Refuse();
  const size_t taken = Take(kRecordTypeApplicationData, bytes.data(), static_cast<size_t>(found));
  *offset += static_cast<off_t>(taken);
  if (taken == count) CloseRecord();  // after less, the kernel waits for more
  return static_cast<ssize_t>(taken);
}

ssize_t FakeKernelTls::SendMessage(const msghdr* message) {
  const std::lock_guard lock(mutex_);
  uint8_t type = kRecordTypeApplicationData;
  size_t size = 0;
  for (size_t i = 0; i < message->msg_iovlen; ++i) size += message->msg_iov[i].iov_len;
  if (message->msg_controllen > 0) {
    type = *CMSG_DATA(CMSG_FIRSTHDR(message));
    if (open_) offence_ = "a control record behind an open one";
    if (room_ < size) return Refuse();
  }
  if (open_) offence_ = "plain bytes into a record that holds pages of a file";
  if (room_ == 0) return Refuse();
  size_t taken = 0;
  for (size_t i = 0; i < message->msg_iovlen; ++i) {
    taken += Take(type, static_cast<const uint8_t*>(message->msg_iov[i].iov_base), message->msg_iov[i].iov_len);
  }
  CloseRecord();
  return static_cast<ssize_t>(taken);
}

int FakeKernelTls::SetOption(int level, const void* value, socklen_t size) {
  const std::lock_guard lock(mutex_);
  if (level != kSolTls) return FailWith(ENOPROTOOPT);
  if (rekey_error_) return FailWith(rekey_error_);
  if (open_) offence_ = "new keys while a record is open";
  sequence_ = LoadSequence(static_cast<const uint8_t*>(value) + size - 8);
  ++rekeys_;
  return 0;
}

int FakeKernelTls::GetOption(int level, int name, void* value, socklen_t* size) {
  const std::lock_guard lock(mutex_);
  if (level == kSolTls) {
    if (open_) offence_ = "records counted while one is open";
    auto* bytes = static_cast<uint8_t*>(value);
    const uint16_t header[] = {static_cast<uint16_t>(version_), static_cast<uint16_t>(cipher_)};
    memcpy(bytes, header, sizeof(header));
    memset(bytes + sizeof(header), 0xa5, *size - sizeof(header));
    StoreSequence(sequence_, bytes + *size - 8);
    return 0;
  }
  if (level == IPPROTO_TCP && name == TCP_INFO) {
    tcp_info info{};
    info.tcpi_state = tcp_state_;
    info.tcpi_bytes_acked = kAcceptedAtHandOver + Accepted() / 2;
    memcpy(value, &info, std::min<size_t>(*size, sizeof(info)));
    return 0;
  }
  return FailWith(ENOPROTOOPT);
}

}  // namespace ktls::test
