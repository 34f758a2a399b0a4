// How far a sender may run ahead of its connection.
#pragma once

namespace ktls {

// TCP_NOTSENT_LOWAT (Linux 3.12; tcp_notsent_lowat in Documentation/networking/ip-sysctl.rst): the socket is full while
// `bytes` or more wait to be sent for the first time, and has room again (EPOLLOUT) below half of that. Bytes in flight
// do not count. A socket that knows no such thing goes on as it is.
void LimitUnsent(int socket_fd, int bytes);

}  // namespace ktls
