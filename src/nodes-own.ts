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

/** `write` of every Writable. */
export const isNodesWrite = known('return _write(this, chunk, encoding, cb) === true')

/** `_write` and `_writev` of net.Socket. */
export const isNodesSocketWrite = known('this._writeGeneric(false, data, encoding, cb)')
export const isNodesSocketWritev = known("this._writeGeneric(true, chunks, '', cb)")

/** `write` and `_send` of OutgoingMessage. */
export const isNodesMessageWrite = known('write_(this, chunk, encoding, callback, false)')
export const isNodesMessageSend = known('this._writeRaw(data, encoding, callback')

/** `fs.read`. */
export const isNodesRead = known('binding.read(fd, buffer, offset, length, position')

/** `read` of FileHandle. */
export const isNodesHandleRead = known('fsCall(read, this, buffer, offset, length, position)')

/** `_read` of fs.ReadStream; `read`, `push` and `emit` of every Readable. */
export const isNodesFileRead = known('.read(this.fd, buf, 0, n, this.pos, (er, bytesRead, buf)')
export const isNodesStreamRead = known("debug('read', n)")
export const isNodesPush = known('readableAddChunkPushByteMode(this, state, chunk, encoding)')
export const isNodesEmit = known('if (doError && events[kErrorMonitor] !== undefined)')
