/**
 * Functions of Node's that a range passes by. Whoever has put another in place of one, on an object or on a prototype,
 * is to see every byte, so nothing is offloaded then. They are known by their text (Node 20, 22, 24 and 26), since they
 * may have been replaced before anybody looked.
 */
function known(text: string): (candidate: unknown) => boolean {
  let own: unknown
  return (candidate) => {
    if (candidate === own) return own !== undefined
    if (own !== undefined || typeof candidate !== 'function') return false
    if (!Function.prototype.toString.call(candidate).includes(text)) return false
    own = candidate
    return true
  }
}

/** Of a function that is another one each time. */
function has(text: string): (candidate: unknown) => boolean {
  return (candidate) => typeof candidate === 'function' && Function.prototype.toString.call(candidate).includes(text)
}

/** The listener for 'data' of pipe(), and whether it catches what `write` throws (Node 24). */
export const isNodesPipeListener = has("debug('ondata')")
export const catchesErrors = has('dest.destroy(error)')

/** `write` of every Writable. */
export const isNodesWrite = known('return _write(this, chunk, encoding, cb) === true')

/** `_write` and `_writev` of net.Socket. */
export const isNodesSocketWrite = known('this._writeGeneric(false, data, encoding, cb)')
export const isNodesSocketWritev = known("this._writeGeneric(true, chunks, '', cb)")

/** `_writeGeneric`, which those two call. */
export const isNodesSocketWriteGeneric = known('this._writeGeneric(writev, data, encoding, cb)')

/** `write`, `_send` and `_writeRaw` of OutgoingMessage. */
export const isNodesMessageWrite = known('write_(this, chunk, encoding, callback, false)')
export const isNodesMessageSend = known('this._writeRaw(data, encoding, callback')
export const isNodesMessageWriteRaw = known('return conn.write(data, encoding, callback)')

/** `fs.read`. */
export const isNodesRead = known('binding.read(fd, buffer, offset, length, position')

/** `read` of FileHandle. */
export const isNodesHandleRead = known('fsCall(read, this, buffer, offset, length, position)')

/** `_read` of fs.ReadStream; `read`, `push` and `emit` of every Readable. */
export const isNodesFileRead = known('.read(this.fd, buf, 0, n, this.pos, (er, bytesRead, buf)')
export const isNodesStreamRead = known("debug('read', n)")
export const isNodesPush = known('readableAddChunkPushByteMode(this, state, chunk, encoding)')
export const isNodesEmit = known('if (doError && events[kErrorMonitor] !== undefined)')
