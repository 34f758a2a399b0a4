// How a measurement asks curl for a file: as anybody's curl would, whatever this person's settings are.

export const curlArguments = Object.freeze([
  '--disable', // no .curlrc
  '--silent',
  '--show-error',
  '--fail',
  '--http1.1',
  '--insecure', // our own server on loopback, with a certificate nobody has signed
  ...['--noproxy', '*'],
])
