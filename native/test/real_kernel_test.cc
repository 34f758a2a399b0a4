// The sender over the kernel's own TLS. The far end lets the kernel decrypt, with the same keys: what arrives there as
// plaintext was encrypted, counted and ordered right.
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <thread>

#include "../kernel/kernel_tls.h"
#include "../kernel/probe.h"
#include "../send/turn.h"
#include "fake_keys.h"
#include "fixtures.h"
#include "hooks.h"
#include "test.h"

#ifndef TLS_RX
#define TLS_RX 2
#endif

namespace ktls::test {
namespace {

constexpr int kSolTls = 282;
const Bytes kCloseNotify = {1, 0};
const Bytes kKeyUpdate = {24, 0, 0, 1, 0};

struct Suite {
  TlsVersion version;
  Cipher cipher;
};

constexpr Suite kSuites[] = {
    {TlsVersion::kTls13, Cipher::kAes128Gcm},        {TlsVersion::kTls13, Cipher::kAes256Gcm},
    {TlsVersion::kTls13, Cipher::kChaCha20Poly1305}, {TlsVersion::kTls12, Cipher::kAes128Gcm},
    {TlsVersion::kTls12, Cipher::kAes256Gcm},        {TlsVersion::kTls12, Cipher::kChaCha20Poly1305},
};

std::unique_ptr<TransmitKeys> MakeKeys(const Suite& suite, uint8_t seed, uint64_t sequence) {
  auto keys = std::make_unique<TransmitKeys>();
  keys->version = suite.version;
  keys->cipher = suite.cipher;
  keys->key.fill(seed);
  keys->iv.fill(static_cast<uint8_t>(seed + 1));
  keys->record_sequence = sequence;
  return keys;
}

// TLS_TX's structure is TLS_RX's, too.
int SetReceiveKeys(int socket_fd, const TransmitKeys& keys) {
  FdHooks calls;
  calls.setsockopt = [](int fd, int level, int, const void* value, socklen_t size) {
    return RealCalls().setsockopt(fd, level, TLS_RX, value, size);
  };
  const ScopedFdHooks hooks(socket_fd, calls);
  return SetTransmitKeys(socket_fd, keys);
}

// A connection that has seen some plaintext already, as a real one has its handshake; then both ends are keyed.
std::optional<Subject> HandOver(const Suite& suite, int send_buffer, int receive_buffer, KeyChange key_change = {}) {
  Connection connection = ConnectTcp(send_buffer, receive_buffer);
  const Bytes handshake = Pattern(777);
  EXPECT_EQ(system_calls.write(connection.near.get(), handshake.data(), handshake.size()), ssize_t{777});
  EXPECT_EQ(ReadUpTo(connection.far.get(), 777).size(), size_t{777});

  constexpr uint64_t kSequence = 5;
  const auto keys = MakeKeys(suite, 0x11, kSequence);
  uint64_t accepted = 0;
  uint8_t state = 0;
  EXPECT_EQ(ReadBytesAccepted(connection.near.get(), &accepted, &state), 0);
  for (const int fd : {connection.near.get(), connection.far.get()}) EXPECT_EQ(AttachUlp(fd), 0);
  if (!EXPECT_EQ(SetTransmitKeys(connection.near.get(), *keys), 0)) return std::nullopt;
  if (!EXPECT_EQ(SetReceiveKeys(connection.far.get(), *keys), 0)) return std::nullopt;
  return std::optional<Subject>(std::in_place, std::move(connection),
                                KernelTlsState{suite.version, suite.cipher, kSequence, accepted},
                                std::move(key_change));
}

struct Received {
  uint8_t type;
  Bytes bytes;
};

// What one recvmsg gives: application data, or one control record. Empty at the end of the stream.
std::optional<Received> Receive(int fd, size_t limit) {
  Received received{kRecordTypeApplicationData, Bytes(limit)};
  iovec buffer{received.bytes.data(), limit};
  alignas(cmsghdr) char control[CMSG_SPACE(1)];
  msghdr message{};
  message.msg_iov = &buffer;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t count = recvmsg(fd, &message, 0);
  if (count <= 0) return std::nullopt;
  received.bytes.resize(static_cast<size_t>(count));
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_level == kSolTls && header->cmsg_type == TLS_GET_RECORD_TYPE) {
    received.type = *CMSG_DATA(header);
  }
  return received;
}

// True: skipped.
bool LacksKernelTls(const Suite& suite) {
  const int error = ProbeKernelTls(suite.version, suite.cipher);
  if (error == 0) return false;
  SkipUnlessExpected(std::string("the kernel has no TLS for this: ") + strerror(-error));
  return true;
}

bool IsLinuxSince(int major, int minor) {
  utsname system;
  int found_major = 0, found_minor = 0;
  const bool is_told = uname(&system) == 0 && std::sscanf(system.release, "%d.%d", &found_major, &found_minor) == 2;
  EXPECT(is_told);
  return found_major > major || (found_major == major && found_minor >= minor);
}

// Reads slowly, so that records are parked, until the end; control records go to `control`.
Bytes ReadSlowly(int fd, std::vector<Received>* control) {
  Bytes data;
  for (int i = 0;; ++i) {
    if (i % 8 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const std::optional<Received> received = Receive(fd, 16'384);
    if (!received) return data;
    if (received->type == kRecordTypeApplicationData) {
      data.insert(data.end(), received->bytes.begin(), received->bytes.end());
    } else {
      control->push_back(*received);
    }
  }
}

void ExpectWholeBody(const Suite& suite) {
  const Bytes content = Pattern(400'000);
  const UniqueFd file = MakeFile(content);
  const Bytes head = Pattern(300, 5);
  std::optional<Subject> subject = HandOver(suite, 16'384, 8192);
  if (!subject) return;

  Bytes wanted;
  Bytes received;
  std::vector<Received> control;
  std::thread reader([&] { received = ReadSlowly(subject->connection.far.get(), &control); });

  for (ItemId item = 0; item < 6; item += 2) {
    subject->SendBytes(item, head);
    wanted.insert(wanted.end(), head.begin(), head.end());
    const size_t offset = 13 * item;
    const size_t size = 130'001 - item;
    EXPECT_EQ(subject->SendRange(item + 1, file, offset, size), kPending);
    const auto begin = content.begin() + static_cast<ptrdiff_t>(offset);
    wanted.insert(wanted.end(), begin, begin + static_cast<ptrdiff_t>(size));
  }
  const int submitted =
      subject->queue->SendControl(6, kRecordTypeAlert, kCloseNotify.data(), kCloseNotify.size(), false);
  EXPECT(submitted >= 0);
  if (submitted == kPending) EXPECT_EQ(subject->sink->OutcomeOf(6), 0);

  // Everything is accepted, or else these two cut it off.
  EXPECT(subject->queue->Close(100, false));
  subject->connection.near.Reset();
  reader.join();
  EXPECT_EQ(received.size(), wanted.size());
  EXPECT(received == wanted);
  EXPECT_EQ(control.size(), size_t{1});
  if (!control.empty()) EXPECT(control[0].type == kRecordTypeAlert && control[0].bytes == kCloseNotify);
}

TEST(WholeBodies, "real kernel: nothing is cut off by a close that follows the last completion, with any cipher") {
  for (const Suite& suite : kSuites) {
    if (LacksKernelTls(suite)) return;
    for (int i = 0; i < 2; ++i) ExpectWholeBody(suite);
  }
}

TEST(SmallWrites, "real kernel: small writes complete within the call while the reader keeps up") {
  if (LacksKernelTls(kSuites[0])) return;
  std::optional<Subject> subject = HandOver(kSuites[0], 0, 0);
  REQUIRE(subject.has_value());
  const Bytes bytes = Pattern(1000);
  for (ItemId item = 0; item < 100; ++item) {
    EXPECT_EQ(subject->SendBytes(item, bytes), kComplete);
    const std::optional<Received> received = Receive(subject->connection.far.get(), 16'384);
    REQUIRE(received && received->bytes == bytes);
  }
  EXPECT(subject->sink->all().empty());
}

TEST(Unreachable, "real kernel: a file that sendfile cannot read is read and sent, byte-exact") {
  if (LacksKernelTls(kSuites[0])) return;
  std::optional<Subject> subject = HandOver(kSuites[0], 16'384, 8192);
  REQUIRE(subject.has_value());
  const Bytes content = Pattern(300'000);
  const UniqueFd file = MakeFile(content);
  FdHooks calls;
  calls.sendfile = [](int, int, off_t*, size_t) { return FailWith(EINVAL); };
  const ScopedFdHooks hooks(subject->socket_fd, calls);
  Bytes received;
  std::vector<Received> control;
  std::thread reader([&] { received = ReadSlowly(subject->connection.far.get(), &control); });
  subject->SendRange(1, file, 0, content.size());
  EXPECT_EQ(subject->sink->OutcomeOf(1), 0);
  EXPECT(subject->queue->Close(100, false));
  subject->connection.near.Reset();
  reader.join();
  EXPECT(received == content);
}

TEST(ResetWhileParked, "real kernel: a peer that resets while records are parked fails them") {
  if (LacksKernelTls(kSuites[0])) return;
  std::optional<Subject> subject = HandOver(kSuites[0], 8192, 4096);
  REQUIRE(subject.has_value());
  const UniqueFd file = MakeFile(Pattern(4'000'000));
  subject->SendRange(1, file, 0, 4'000'000);
  EXPECT(subject->sink->StaysSilent(1));
  const linger reset{1, 0};
  system_calls.setsockopt(subject->connection.far.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  subject->connection.far.Reset();
  EXPECT_EQ(subject->sink->OutcomeOf(1), -ECONNRESET);
}

TEST(RealKeyUpdate, "real kernel: a KeyUpdate in the middle of a range, where the kernel takes new keys (6.14)") {
  const Suite& suite = kSuites[0];
  if (LacksKernelTls(suite)) return;
  const int error = ProbeRekey();
  EXPECT_EQ(KernelTakesNewKeys(), error == 0);
  if (error) {
    const std::string reason = std::string("the kernel takes no new keys: ") + strerror(-error);
    return IsLinuxSince(6, 14) ? SkipUnlessExpected(reason) : Skip(reason);
  }
  std::optional<Subject> subject = HandOver(suite, 16'384, 8192, ChangeableKeys());
  REQUIRE(subject.has_value());
  // A request may find the sender in a sendfile of a whole turn: after each there is a range to go on with.
  constexpr size_t kBetween = 200'000;
  constexpr uint8_t kUpdates = 3;
  const Bytes content = Pattern((kUpdates + 1) * (kBytesPerTurn + kBetween));
  const UniqueFd file = MakeFile(content);
  const int far = subject->connection.far.get();

  subject->SendRange(0, file, 0, content.size());
  uint8_t generation = 0;
  size_t next = 0;
  Bytes received;
  while (received.size() < content.size()) {
    if (received.size() > next && generation < kUpdates) {
      ++generation;
      subject->queue->RequestKeyUpdate();
      // Until it is there: data first, then the record, then nothing before the new keys.
      for (;;) {
        const std::optional<Received> part = Receive(far, 16'384);
        REQUIRE(part.has_value());
        if (part->type == kRecordTypeHandshake) {
          EXPECT(part->bytes == kKeyUpdate);
          break;
        }
        received.insert(received.end(), part->bytes.begin(), part->bytes.end());
      }
      EXPECT_EQ(SetReceiveKeys(far, *MakeKeys(suite, generation, 0)), 0);
      next = received.size() + kBetween;
    }
    const std::optional<Received> part = Receive(far, 16'384);
    REQUIRE(part.has_value());
    received.insert(received.end(), part->bytes.begin(), part->bytes.end());
  }
  EXPECT_EQ(generation, kUpdates);
  EXPECT(received == content);
  EXPECT_EQ(subject->sink->OutcomeOf(0), 0);
  const Bytes tail = Pattern(10);
  // The peer may acknowledge the range late: then there is no room yet.
  if (subject->SendBytes(50, tail) == kPending) EXPECT_EQ(subject->sink->OutcomeOf(50), 0);
  const std::optional<Received> last = Receive(far, 16'384);
  EXPECT(last && last->bytes == tail);
}

TEST(RealNonceWraps, "real kernel: explicit nonces (TLS 1.2 AES-GCM) go on behind the largest one, each used once") {
  constexpr size_t kRecordHeaderBytes = 5, kNonceBytes = 8, kPlaintextBytes = 10;
  for (const Cipher cipher : {Cipher::kAes128Gcm, Cipher::kAes256Gcm}) {
    const Suite suite{TlsVersion::kTls12, cipher};
    if (LacksKernelTls(suite)) return;
    const Connection connection = ConnectTcp();
    const auto keys = MakeKeys(suite, 0x11, 5);
    std::fill(keys->iv.begin() + 4, keys->iv.end(), uint8_t{0xff});
    EXPECT_EQ(AttachUlp(connection.near.get()), 0);
    EXPECT_EQ(SetTransmitKeys(connection.near.get(), *keys), 0);
    const Bytes plaintext = Pattern(kPlaintextBytes);
    const size_t record_bytes = kPlaintextBytes + RecordOverhead(suite.version, cipher);
    for (const uint8_t wanted : Bytes{0xff, 0x00, 0x01}) {
      EXPECT_EQ(system_calls.write(connection.near.get(), plaintext.data(), plaintext.size()),
                ssize_t{kPlaintextBytes});
      const Bytes record = ReadUpTo(connection.far.get(), record_bytes);
      REQUIRE(record.size() == record_bytes);
      Bytes nonce(kNonceBytes, wanted == 0xff ? 0xff : 0x00);
      nonce.back() = wanted;
      EXPECT(std::equal(nonce.begin(), nonce.end(), record.begin() + kRecordHeaderBytes));
    }
  }
}

}  // namespace
}  // namespace ktls::test
