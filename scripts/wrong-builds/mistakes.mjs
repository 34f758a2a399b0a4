/**
 * Small mistakes in the places where a mistake is worst, each with the test that has to notice it.
 *
 * @type {{ letter: string, what: string, file: string, from: string, to: string, test: string, kernel?: string }[]}
 */
export const mistakes = [
  {
    letter: 'a',
    what: 'record sequence number off by one',
    file: 'native/session/hand_over.cc',
    from: '  const int keyed = SetTransmitKeys(socket_fd, keys);',
    to: '  keys.record_sequence++;\n  const int keyed = SetTransmitKeys(socket_fd, keys);',
    test: 'example-routes',
  },
  {
    letter: 'b',
    what: 'OpenSSL keeps its write BIO after the hand-over',
    file: 'native/session/session.cc',
    from: '  openssl.SSL_set0_wbio(ssl_, nowhere);\n',
    to: '  openssl.BIO_free(nowhere);\n',
    test: 'wrong-builds',
  },
  {
    letter: 'c',
    what: 'no close_notify',
    file: 'src/socket/socket-writer.ts',
    from: 'if (this.#kernel === undefined || handle === null) return shutDown()',
    to: 'if (handle !== undefined) return shutDown()',
    test: 'nothing-short',
  },
  {
    letter: 'd',
    what: 'no interception',
    file: 'src/pipe/pipe-interceptor.ts',
    from: 'if (isObject(destination) && !isZeroCopyPipe(destination))',
    to: 'if (isObject(destination) && isZeroCopyPipe(destination))',
    test: 'example-routes',
  },
  {
    letter: 'e',
    what: 'completion is reported when sendfile returns',
    file: 'native/send/acceptance.cc',
    from: '  *target = plaintext_ + records * overhead_;',
    to: '  *target = 0 * overhead_;',
    test: 'nothing-short',
  },
  {
    letter: 'f',
    what: 'duplicated descriptors survive exec',
    file: 'native/kernel/system_calls.cc',
    from: 'F_DUPFD_CLOEXEC',
    to: 'F_DUPFD',
    test: 'wrong-builds',
  },
  {
    letter: 'g',
    what: "a range reaches Node's own _write",
    file: 'src/socket/socket-writer.ts',
    from: 'const range = rangeOf(chunks[begin]?.chunk)',
    to: 'const range = rangeOf(undefined)',
    test: 'wrong-builds',
  },
  {
    letter: 'h',
    what: 'secrets are not wiped',
    file: 'native/crypto/secret.cc',
    from: '  ::explicit_bzero(bytes_, kMaxSize);\n',
    to: '',
    test: 'keys-in-memory',
  },
  {
    letter: 'i',
    what: 'a KeyUpdate without new keys',
    file: 'native/send/acceptance.cc',
    from: '  if (const int error = SetTransmitKeys(socket_fd, keys)) return error;\n',
    to: '  if (keys.record_sequence != 0) return -EPROTO;\n',
    test: 'kernel/key-update.test',
    kernel: '6.18',
  },
  {
    letter: 'j',
    what: 'a connection that ends for want of a new key is closed at once, whatever its peer still sends',
    file: 'native/send/socket_queue.cc',
    from: '  return key == Key::kSpent && thread',
    to: '  return false && key == Key::kSpent && thread',
    test: 'kernel/key-spent',
  },
]
