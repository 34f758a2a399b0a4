// Whether this kernel encrypts, found out by doing: version strings lie (backports, modules left out, containers).
#pragma once

#include "kernel_tls.h"

namespace ktls {

// Whether the kernel has TLS to offer to any socket, asked of one that is not connected. Blocks for as long as the
// kernel takes to load its tls module, where it may.
bool KernelOffersTls();

// Sets kernel TLS up on a loopback connection of its own. 0, or -errno of the step that failed. Blocks for as long as
// the kernel takes to load its tls module, where it may.
int ProbeKernelTls(TlsVersion version, Cipher cipher);

// Whether a second TLS_TX is accepted (Linux 6.14; backported to older version numbers). 0 or -errno.
int ProbeRekey();

// The answer for the process, found out by the first who asks; "no" until it could be found out.
bool KernelTakesNewKeys();

}  // namespace ktls
