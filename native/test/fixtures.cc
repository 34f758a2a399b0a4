#include "fixtures.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "../send/sender.h"
#include "test.h"

namespace ktls::test {

namespace {

bool IsWritable(int fd) {
  pollfd socket{fd, POLLOUT, 0};
  return poll(&socket, 1, 0) > 0;
}

void SetNonBlocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

// The least that the kernel grants for a wish of 1 is its minimum.
void SetBuffer(int fd, int name, int size) {
  if (size > 0) setsockopt(fd, SOL_SOCKET, name, &size, sizeof(size));
}

// Tests cannot go on without what they stand on.
void Must(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

Bytes Pattern(size_t size, uint32_t seed) {
  Bytes bytes(size);
  uint32_t state = seed * 2654435761u + 1;
  for (uint8_t& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    byte = static_cast<uint8_t>(state >> 11);
  }
  return bytes;
}

UniqueFd MakeFile(const Bytes& content) {
  UniqueFd file(memfd_create("test", MFD_CLOEXEC));
  Must(file.is_open());
  for (size_t done = 0; done < content.size();) {
    const ssize_t written = write(file.get(), content.data() + done, content.size() - done);
    Must(written > 0);
    done += static_cast<size_t>(written);
  }
  return file;
}

UniqueFd Duplicate(const UniqueFd& fd) { return UniqueFd(system_calls.duplicate(fd.get())); }

Connection ConnectPair() {
  int fds[2];
  Must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  SetNonBlocking(fds[0]);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Connection ConnectTcp(int send_buffer, int receive_buffer) {
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  SetBuffer(listener.get(), SO_SNDBUF, send_buffer);  // inherited by what it accepts, before the window is negotiated
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  Must(bind(listener.get(), generic, size) == 0 && listen(listener.get(), 1) == 0);
  Must(getsockname(listener.get(), generic, &size) == 0);

  UniqueFd far(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  SetBuffer(far.get(), SO_RCVBUF, receive_buffer);
  Must(connect(far.get(), generic, size) == 0);
  UniqueFd near(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  Must(near.is_open());
  return {std::move(near), std::move(far)};
}

Bytes ReadUpTo(int fd, size_t size) {
  Bytes bytes(size);
  size_t done = 0;
  while (done < size) {
    const ssize_t count = read(fd, bytes.data() + done, size - done);
    if (count <= 0) break;
    done += static_cast<size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

Bytes ReadToEnd(int fd) {
  Bytes bytes;
  for (;;) {
    const Bytes more = ReadUpTo(fd, 64 * 1024);
    bytes.insert(bytes.end(), more.begin(), more.end());
    if (more.size() < 64 * 1024) return bytes;
  }
}

bool EndsWithin(int fd, std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{fd, POLLIN, 0};
    if (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return false;
    uint8_t buffer[4096];
    if (read(fd, buffer, sizeof(buffer)) <= 0) return true;
  }
}

bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }

bool ClosesInTime(int fd) {
  for (int i = 0; i < 20'000 && IsOpen(fd); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return !IsOpen(fd);
}

Subject::Subject(Connection connection_, std::optional<KernelTlsState> tls, KeyChange key_change)
    : Subject(std::move(connection_), tls, std::move(key_change), &Sender::Instance()) {}

Subject::Subject(Connection connection_, std::optional<KernelTlsState> tls, KeyChange key_change, Sender* sender)
    : connection(std::move(connection_)) {
  UniqueFd duplicate = Duplicate(connection.near);
  socket_fd = duplicate.get();
  queue = SocketQueue::Open(sender, std::move(duplicate), tls, std::move(key_change), sink);
}

Subject::~Subject() {
  constexpr ItemId kReleaseItem = 0xffffffff;
  // Nothing of the test may be in use when it ends.
  if (!queue->Close(kReleaseItem, false) && !sink->WaitForRelease()) Fail(__FILE__, __LINE__, "never released");
}

int Subject::SendRange(ItemId item, const UniqueFd& file, uint64_t offset, uint64_t length, uint32_t progress_ms) {
  return queue->SendRange(item, {Duplicate(file), offset, length, progress_ms});
}

int Subject::SendRangeAtOnce(ItemId item, const UniqueFd& file, uint64_t offset, uint64_t length) {
  return queue->SendRange(item, {Duplicate(file), offset, length, 0, true});
}

int Subject::SendBytes(ItemId item, const Bytes& bytes) {
  const iovec buffer{const_cast<uint8_t*>(bytes.data()), bytes.size()};
  return queue->SendBytes(item, &buffer, 1);
}

bool Subject::WaitUntilSent(uint64_t bytes) const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (queue->bytes_sent() < bytes && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return queue->bytes_sent() >= bytes;
}

void Subject::WaitUntilFull() const {
  WaitUntilSent(1);
  // Where it could still be written to, the sender's thread has only not come to it.
  for (uint64_t sent = 0; sent != queue->bytes_sent() || IsWritable(socket_fd);) {
    sent = queue->bytes_sent();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

void Subject::MakeWritable() {
  uint8_t byte = 0;
  Must(write(connection.near.get(), &byte, 1) == 1 && read(connection.far.get(), &byte, 1) == 1);
}

}  // namespace ktls::test
