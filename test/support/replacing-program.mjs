// node replacing-program.mjs WHAT FILE WHEN: a function of Node's is replaced by one that looks at all bytes and flips
// them; the package is imported before that, after it, or never. Prints what was seen and what a client got.

import { createHash } from 'node:crypto'
import { EventEmitter } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { Readable } from 'node:stream'

const [what, path, when] = process.argv.slice(2)
const bytesSeen = { fromFiles: 0 }
const size = fs.statSync(path).size

const flipped = (bytes) => Buffer.from(bytes, 'latin1').map((byte) => byte ^ 1)
const look = (bytes) => {
  bytesSeen.fromFiles += bytes.length
  return bytes
}

const replacements = {
  'fs.read'() {
    const { read } = fs
    fs.read = (fd, buffer, offset, length, position, callback) =>
      read(fd, buffer, offset, length, position, (error, count) => {
        if (!error) buffer.set(flipped(look(buffer.subarray(offset, offset + count))), offset)
        callback(error, count, buffer)
      })
  },
  'FileHandle.read'() {
    const prototype = Object.getPrototypeOf(handle)
    const { read } = prototype
    prototype.read = async function (...parameters) {
      const { bytesRead, buffer } = await read.apply(this, parameters)
      buffer.set(flipped(look(buffer.subarray(0, bytesRead))))
      return { bytesRead, buffer }
    }
  },
  'OutgoingMessage.write'() {
    const { write } = http.OutgoingMessage.prototype
    http.OutgoingMessage.prototype.write = function (chunk, ...rest) {
      return write.call(this, flipped(look(chunk)), ...rest)
    }
  },
  'Socket.write'() {
    // Of the response alone: the client's request is looked at by nobody.
    const { write } = net.Socket.prototype
    net.Socket.prototype.write = function (chunk, ...rest) {
      const isFile = this.server !== undefined && typeof chunk !== 'string'
      return write.call(this, isFile ? flipped(look(chunk)) : chunk, ...rest)
    }
  },
  'Socket._write'() {
    const { _writeGeneric } = net.Socket.prototype
    const send = (socket, chunk, encoding, callback) => {
      const isFile = socket.server !== undefined && typeof chunk !== 'string'
      _writeGeneric.call(socket, false, isFile ? flipped(look(chunk)) : chunk, encoding, callback)
    }
    net.Socket.prototype._write = function (chunk, encoding, callback) {
      send(this, chunk, encoding, callback)
    }
    net.Socket.prototype._writev = undefined
  },
}

/** Of every stream; those of files are told by their class. */
function replaceInReadable(prototype, name, bytesOf) {
  const own = prototype[name]
  prototype[name] = function (...parameters) {
    const bytes = this instanceof fs.ReadStream ? bytesOf(...parameters) : undefined
    if (bytes) bytes.set(flipped(look(bytes)))
    return own.apply(this, parameters)
  }
}
Object.assign(replacements, {
  'Readable.push': () => replaceInReadable(Readable.prototype, 'push', (chunk) => chunk),
  'EventEmitter.emit': () =>
    replaceInReadable(EventEmitter.prototype, 'emit', (event, chunk) => (event === 'data' ? chunk : undefined)),
})

const handle = what === 'FileHandle.read' ? await fs.promises.open(path) : undefined
if (when === 'before') await import('ktls-pipe/register')
replacements[what]()
if (when === 'after') await import('ktls-pipe/register')
const server = http.createServer((_request, response) => {
  response.writeHead(200, { 'Content-Length': size })
  const source = handle === undefined ? fs.createReadStream(path) : handle.createReadStream()
  source.pipe(response)
})
server.listen(0, '127.0.0.1', () => {
  http.get({ port: server.address().port, agent: false }, (incoming) => {
    const hash = createHash('sha256')
    let bytes = 0
    incoming.on('data', (chunk) => {
      bytes += chunk.length
      hash.update(chunk)
    })
    incoming.on('close', () => {
      server.close()
      console.log(JSON.stringify({ bytesSeen, bytes, sha256: hash.digest('hex'), complete: incoming.complete }))
    })
  })
})
