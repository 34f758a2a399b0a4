/** Each reason for which a transfer takes Node's ordinary path, with a sentence that says what it means. */
const texts = {
  disabled: 'offloading is switched off by KTLS_PIPE_DISABLE, KTLS_PIPE_TLS, KTLS_PIPE_TCP or by an option',
  'opted-out': 'setOffload(x, false) was called for the stream, the response or the socket',
  'platform-unsupported': 'this is not Linux',
  'runtime-unsupported': 'this is not Node.js, or its OpenSSL lacks functions that are needed',
  'addon-unavailable': 'the native addon is missing or could not be loaded',
  'addons-disabled': 'native addons are forbidden by --no-addons or by the permission model (--allow-addons)',
  'kernel-too-old': 'the kernel is older than Linux 5.4',
  'kernel-tls-unavailable': 'the kernel has no TLS: its tls module is missing or not loaded',
  'kernel-refused': 'the kernel did not accept the keys of this TLS version and cipher',
  'fips-mode': 'FIPS mode is on, and encryption in the kernel is outside the validated module',
  'session-not-tracked': 'the TLS session began before ktls-pipe was imported, or its callbacks belong to someone else',
  'session-inconsistent': 'the records that were counted do not prove the key and sequence number of the session',
  'session-not-ready': 'a handshake or a renegotiation is under way',
  'key-spent': 'the session needed a new key, which this kernel cannot set: it is closed after the response',
  'session-ending': 'the TLS session or its connection is being closed',
  'protocol-unsupported': 'the session is neither TLS 1.2 nor TLS 1.3',
  'cipher-unsupported': 'the cipher is none of AES-128-GCM, AES-256-GCM and ChaCha20-Poly1305',
  'record-size-limited':
    'records are to be smaller than the kernel writes them (max_fragment_length, setMaxSendFragment)',
  'socket-not-tcp': 'the socket is not directly on TCP (a pipe, another TLS socket, a stream)',
  'socket-busy': 'bytes written before did not leave the socket',
  'socket-wrapped': 'the write method of the socket was replaced',
  http2: 'HTTP/2 writes its frames natively',
  'destination-unsupported': 'the destination is not a socket, a response or a request',
  'destination-unavailable': 'the destination is destroyed or was ended',
  'response-wrapped': 'the write method of the response, or of a zero-copy pipe, was replaced, as compression does',
  'response-without-body': 'the response has no body (HEAD, 204, 304)',
  'response-not-current': 'an earlier response of the connection is still being sent',
  'response-corked': 'the response is corked or holds data back',
  'strict-content-length': 'the response counts its body bytes itself (strictContentLength)',
  'source-unavailable': 'the source is destroyed or was read to its end',
  'source-not-a-file': 'the source is not a regular file',
  'source-custom-fs': 'the source reads through a file system implementation of its own',
  'source-wrapped': 'the read methods of the source were replaced',
  'source-shared': 'the source has other consumers: a second pipe, a listener, an encoding, or it is paused',
  'source-empty': 'there are no bytes to send',
  'below-minimum-size': 'the file is smaller than minimumBytes of the engine',
  'descriptor-limit': 'the process has used three quarters of the descriptors that it may open',
} as const

/** Why a transfer was not offloaded. A closed union: it grows only in minor releases. */
export type FallbackReason = keyof typeof texts

/** All reasons, frozen. */
export const FALLBACK_REASONS: readonly FallbackReason[] = Object.freeze(Object.keys(texts) as FallbackReason[])

/** The sentence that explains a reason. */
export function explainFallback(reason: FallbackReason): string {
  return texts[reason]
}
