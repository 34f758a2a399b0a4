// What the kernel itself needs to send a file over kernel TLS: one blocking sendfile(2) loop, no Node.js, no OpenSSL,
// no HTTP. A server cannot cost less on the same machine; how much more it costs is its own share.
//
//   kernel-alone FILE      prints the seconds that passed and the CPU seconds spent, for TLS 1.3 AES-256-GCM
//
// The receiver is a process of its own that reads and forgets: it decrypts nothing, so any key will do.

#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "../native/kernel/unique_fd.h"

namespace {

using ktls::UniqueFd;

bool Complain(const char* what) {
  std::fprintf(stderr, "kernel-alone: %s: %s\n", what, std::strerror(errno));
  return false;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/** A listening socket on a free port of loopback; `address` becomes its own. */
UniqueFd Listen(sockaddr_in* address) {
  UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  *address = {};
  address->sin_family = AF_INET;
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof *address;
  auto* generic = reinterpret_cast<sockaddr*>(address);
  if (bind(listener.get(), generic, length) != 0 || listen(listener.get(), 1) != 0 ||
      getsockname(listener.get(), generic, &length) != 0) {
    Complain("listen on loopback");
    return UniqueFd();
  }
  return listener;
}

/** The receiver's whole life. */
[[noreturn]] void ReadAndForget(const sockaddr_in& address) {
  const UniqueFd peer(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(peer.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) _exit(1);
  std::array<char, 64 * 1024> buffer;
  ssize_t length = 0;
  do length = read(peer.get(), buffer.data(), buffer.size());
  while (length > 0);
  _exit(length == 0 ? 0 : 1);
}

/** Kernel 5.1 or newer, with the module "tls". */
bool BeginKernelTls(int socket) {
  tls12_crypto_info_aes_gcm_256 keys{};
  keys.info.version = TLS_1_3_VERSION;
  keys.info.cipher_type = TLS_CIPHER_AES_GCM_256;
  if (getrandom(keys.key, sizeof keys.key, 0) != sizeof keys.key) return Complain("getrandom");
  if (setsockopt(socket, SOL_TCP, TCP_ULP, "tls", sizeof "tls") != 0) return Complain("TCP_ULP");
  if (setsockopt(socket, SOL_TLS, TLS_TX, &keys, sizeof keys) != 0) return Complain("TLS_TX");
  return true;
}

bool SendWhole(int socket, int file, off_t size) {
  for (off_t offset = 0; offset < size;) {
    const ssize_t sent = sendfile(socket, file, &offset, static_cast<size_t>(size - offset));
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return Complain("sendfile");
  }
  return true;
}

bool Measure(const char* path) {
  const UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return Complain(path);

  sockaddr_in address;
  const UniqueFd listener = Listen(&address);
  if (!listener.is_open()) return false;
  const pid_t receiver = fork();
  if (receiver < 0) return Complain("fork");
  if (receiver == 0) ReadAndForget(address);
  UniqueFd socket(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!BeginKernelTls(socket.get())) return false;

  const double cpu_before = CpuSeconds();
  const auto began_at = std::chrono::steady_clock::now();
  if (!SendWhole(socket.get(), file.get(), status.st_size)) return false;
  socket.Reset();
  int receiver_status = 0;
  if (waitpid(receiver, &receiver_status, 0) != receiver) return Complain("waitpid");
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began_at;
  if (receiver_status != 0) {
    std::fputs("kernel-alone: the receiver did not read to the end\n", stderr);
    return false;
  }
  std::printf("%.6f %.6f\n", passed.count(), CpuSeconds() - cpu_before);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: kernel-alone FILE\n", stderr);
    return 2;
  }
  return Measure(argv[1]) ? 0 : 1;
}
