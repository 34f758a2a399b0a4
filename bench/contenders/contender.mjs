// What takes part in a benchmark.

/**
 * @typedef {object} Grounds what all contenders have in common
 * @property {string} files the folder to serve below `/files/`
 * @property {string} scratch a folder to write to
 * @property {{ key: string, cert: string }} credentials
 * @property {import('../transports.mjs').TlsTransport | undefined} tls plain TCP without
 */

/**
 * @typedef {object} Server
 * @property {string} url
 * @property {string} [filesUrl] where its files are, if another process serves them
 * @property {() => number[]} pids all its processes
 * @property {(question: string) => Promise<any>} [ask] a question of contenders/server.mjs; nginx cannot be asked
 * @property {() => Promise<void>} stop
 */

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {(grounds: Grounds) => Promise<Server>} start
 */

export {}
