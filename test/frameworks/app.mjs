// What a file in apps/ exports, as `apps`.

/**
 * @typedef {object} Context
 * @property {string} folder the files to serve, each below `/`
 * @property {string} scratch a folder to write to
 * @property {{ key: string, cert: string }} credentials
 */

/**
 * @typedef {object} App
 * @property {string[]} packages as package.json calls them
 * @property {string} what which of their ways to serve a file, for people
 * @property {(context: Context) => Promise<import('node:https').Server>} start the server listens
 * @property {string} [file] another than the film
 * @property {Record<string, string>} [headers] of the request
 * @property {boolean} [isConditional] asked a second time with the ETag of the first answer
 * @property {string[]} [varying] names of response headers that differ from answer to answer
 */

export {}
