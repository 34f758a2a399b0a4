// What the contenders speak.

/**
 * @typedef {object} TlsTransport
 * @property {string} name
 * @property {string} protocol as nginx calls it
 * @property {string} cipher of TLS 1.3
 * @property {string[]} nodeArguments
 */

/** @param {string} name @param {string} cipher @returns {TlsTransport} */
function tls13(name, cipher) {
  return { name, protocol: 'TLSv1.3', cipher, nodeArguments: ['--tls-min-v1.3', `--tls-cipher-list=${cipher}`] }
}

export const plainTcp = 'plain TCP'

/** @type {Record<string, TlsTransport | undefined>} */
export const transports = {
  tcp: undefined,
  'aes-256': tls13('TLS 1.3 AES-256-GCM', 'TLS_AES_256_GCM_SHA384'),
  'aes-128': tls13('TLS 1.3 AES-128-GCM', 'TLS_AES_128_GCM_SHA256'),
}
