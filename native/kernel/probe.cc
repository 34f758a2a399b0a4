#include "probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/time.h>

#include <atomic>
#include <cerrno>

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
int Connect(Connection* connection) {
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

// Says nothing about the kernel. What does is EBUSY (net/tls/tls_main.c before Linux 6.14), or that there is no
// loopback to try it on, which would be found out again with every session.
bool PassesWithTime(int error) { return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS; }

// What a probe has found out.
enum class Answer { kUnknown, kNo, kYes };
std::atomic<Answer> takes_new_keys{Answer::kUnknown};

}  // namespace

int ProbeKernelTls(TlsVersion version, Cipher cipher) {
  Connection connection;
  const int connected = Connect(&connection);
  return connected != 0 ? connected : SetUp(connection, version, cipher);
}

int ProbeRekey() {
  const int error = TryRekey();
  if (!PassesWithTime(error)) takes_new_keys = error == 0 ? Answer::kYes : Answer::kNo;
  return error;
}

bool KernelTakesNewKeys() {
  if (takes_new_keys == Answer::kUnknown) ProbeRekey();
  return takes_new_keys == Answer::kYes;
}

}  // namespace ktls
