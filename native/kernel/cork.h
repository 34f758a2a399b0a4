// Full segments only, for as long as there is more to come.
#pragma once

namespace ktls {

// TCP_CORK (tcp(7)): what does not fill a segment is held back until the cork is taken out, or for 200 ms (the
// retransmission timeout, if that is longer) once nothing is in flight. A socket that knows no such thing goes on as it
// is.
void SetCork(int socket_fd, bool in);

}  // namespace ktls
