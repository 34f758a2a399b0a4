#include "unsent_limit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "system_calls.h"

namespace ktls {

void LimitUnsent(int socket_fd, int bytes) {
  system_calls.setsockopt(socket_fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
}

}  // namespace ktls
