#include "cork.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "system_calls.h"

namespace ktls {

void SetCork(int socket_fd, bool in) {
  const int value = in ? 1 : 0;
  system_calls.setsockopt(socket_fd, IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
}

}  // namespace ktls
