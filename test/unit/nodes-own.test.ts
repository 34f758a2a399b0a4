import fs from 'node:fs'
import { open } from 'node:fs/promises'
import http from 'node:http'
import net from 'node:net'
import { Duplex } from 'node:stream'
import t from 'tap'
import {
  isNodesEmit,
  isNodesFileRead,
  isNodesHandleRead,
  isNodesMessageSend,
  isNodesMessageWrite,
  isNodesPush,
  isNodesRead,
  isNodesSocketWrite,
  isNodesSocketWritev,
  isNodesStreamRead,
  isNodesWrite,
} from '../../src/nodes-own.js'

t.test("Node's own functions are known, and nothing in their place", async (t) => {
  const handle = await open(import.meta.filename)
  t.teardown(() => handle.close())
  const { _write, _writev } = net.Socket.prototype
  const message = http.OutgoingMessage.prototype
  const functions = [
    [isNodesWrite, Duplex.prototype.write],
    [isNodesSocketWrite, _write],
    [isNodesSocketWritev, _writev],
    [isNodesMessageWrite, message.write],
    [isNodesMessageSend, Reflect.get(message, '_send')],
    [isNodesRead, fs.read],
    [isNodesHandleRead, handle.read],
    [isNodesFileRead, fs.ReadStream.prototype._read],
    [isNodesStreamRead, fs.ReadStream.prototype.read],
    [isNodesPush, fs.ReadStream.prototype.push],
    [isNodesEmit, fs.ReadStream.prototype.emit],
  ] as const
  for (const [isOwn, own] of functions) {
    const { name } = own as { name: string }
    const wrapper = (...parameters: unknown[]) => Reflect.apply(own as () => void, null, parameters)
    // First, for what is known once is known without a look at its text.
    for (const other of [wrapper, (own as () => void).bind(null), undefined, {}]) t.equal(isOwn(other), false, name)
    t.equal(isOwn(own), true, name)
    t.equal(isOwn(own), true, name)
    for (const other of [wrapper, undefined]) t.equal(isOwn(other), false, name)
  }
})
