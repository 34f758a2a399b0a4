// How much a socket takes that TCP cannot send yet.
#include "../kernel/unsent_limit.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

#include "fixtures.h"
#include "hooks.h"
#include "test.h"

namespace ktls::test {
namespace {

constexpr int kKiB = 1024;

int LimitOf(int socket_fd) {
  int value = -1;
  socklen_t size = sizeof(value);
  RealCalls().getsockopt(socket_fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, &size);
  return value;
}

// What waits in a socket whose peer reads nothing, once it takes no more.
int UnsentWhenFull(int socket_fd) {
  const Bytes some = Pattern(16 * kKiB);
  while (send(socket_fd, some.data(), some.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) continue;
  EXPECT_EQ(errno, EAGAIN);
  int bytes = -1;
  EXPECT_EQ(ioctl(socket_fd, SIOCOUTQNSD, &bytes), 0);
  return bytes;
}

TEST(UnsentIsLimited, "unsent limit: a socket whose peer reads nothing takes so much and no more") {
  const Connection limited = ConnectTcp(4096 * kKiB, 64 * kKiB);
  LimitUnsent(limited.near.get(), 256 * kKiB);
  const int unsent = UnsentWhenFull(limited.near.get());
  EXPECT(unsent >= 256 * kKiB);
  EXPECT(unsent <= 320 * kKiB);  // one call more, or a segment

  const Connection unlimited = ConnectTcp(4096 * kKiB, 64 * kKiB);
  EXPECT(UnsentWhenFull(unlimited.near.get()) > 320 * kKiB);
}

TEST(OnlyTlsIsLimited, "unsent limit: a queue for kernel TLS has one, one for plain TCP leaves the socket as it is") {
  const Subject tls(ConnectTcp(), KernelTlsState{});
  EXPECT_EQ(LimitOf(tls.socket_fd), 256 * kKiB);
  const Subject tcp(ConnectTcp());
  EXPECT_EQ(LimitOf(tcp.socket_fd), 0);
}

}  // namespace
}  // namespace ktls::test
