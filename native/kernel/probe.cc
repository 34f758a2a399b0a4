#include "probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/time.h>

#include <atomic>
#include <cerrno>
#include <chrono>

#include "unique_fd.h"

namespace ktls {

namespace {

struct Connection {
  UniqueFd client;
  UniqueFd server;
};

// A loopback that drops packets must not hold up the thread that asks.
constexpr timeval kPatience{0, 200'000};

// Of connect() and accept(), socket(7).
bool LimitWaiting(int socket_fd, int which) {
  return setsockopt(socket_fd, SOL_SOCKET, which, &kPatience, sizeof(kPatience)) == 0;
}

// 0 or -errno.
int ConnectOnce(Connection* connection) {
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (!listener.is_open() || bind(listener.get(), generic, size) != 0 || listen(listener.get(), 1) != 0 ||
      getsockname(listener.get(), generic, &size) != 0) {
    return -errno;
  }
  connection->client = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!connection->client.is_open() || !LimitWaiting(connection->client.get(), SO_SNDTIMEO) ||
      !LimitWaiting(listener.get(), SO_RCVTIMEO) || connect(connection->client.get(), generic, size) != 0) {
    return -errno;
  }
  connection->server = UniqueFd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  return connection->server.is_open() ? 0 : -errno;
}

// A signal ends a wait that has a time limit, whatever sigaction() said (signal(7)).
int Connect(Connection* connection) {
  int error;
  do {
    error = ConnectOnce(connection);
  } while (error == -EINTR);
  return error;
}

int SetUp(const Connection& connection, TlsVersion version, Cipher cipher) {
  const int attached = AttachUlp(connection.client.get());
  if (attached != 0) return attached;
  TransmitKeys keys;
  keys.version = version;
  keys.cipher = cipher;
  const int keyed = SetTransmitKeys(connection.client.get(), keys);
  if (keyed != 0) return keyed;
  // The completion of every item is reckoned from this number, so a kernel that does not tell it is of no use.
  uint64_t record_sequence = 0;
  return ReadRecordSequence(connection.client.get(), version, cipher, &record_sequence);
}

int TryRekey() {
  Connection connection;
  const int connected = Connect(&connection);
  if (connected != 0) return connected;
  const int first = SetUp(connection, TlsVersion::kTls13, Cipher::kAes128Gcm);
  if (first != 0) return first;
  TransmitKeys keys;
  keys.key[0] = 1;
  return SetTransmitKeys(connection.client.get(), keys);
}

using Clock = std::chrono::steady_clock;

// What a second TLS_TX has come to. EBUSY is the answer before Linux 6.14 (net/tls/tls_main.c), and of nothing else
// here.
enum class Answer { kUnknown, kNo, kYes };
std::atomic<Answer> takes_new_keys{Answer::kUnknown};

// A probe that did not come to its question says nothing of the kernel, and blocks: where there is no loopback it would
// do so for every session.
constexpr auto kAskAgainAfter = std::chrono::seconds(10);
std::atomic<Clock::time_point> ask_not_before{Clock::time_point::min()};

}  // namespace

bool KernelOffersTls() {
  const UniqueFd unconnected(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // It is looked up first, and then refuses what is not connected (net/ipv4/tcp_ulp.c, net/tls/tls_main.c).
  return !unconnected.is_open() || AttachUlp(unconnected.get()) != -ENOENT;
}

int ProbeKernelTls(TlsVersion version, Cipher cipher) {
  Connection connection;
  const int connected = Connect(&connection);
  return connected != 0 ? connected : SetUp(connection, version, cipher);
}

int ProbeRekey() {
  const int error = TryRekey();
  if (error == 0) takes_new_keys = Answer::kYes;
  if (error == -EBUSY) takes_new_keys = Answer::kNo;
  if (takes_new_keys == Answer::kUnknown) ask_not_before = Clock::now() + kAskAgainAfter;
  return error;
}

bool KernelTakesNewKeys() {
  if (takes_new_keys == Answer::kUnknown && Clock::now() >= ask_not_before.load()) ProbeRekey();
  return takes_new_keys == Answer::kYes;
}

}  // namespace ktls
