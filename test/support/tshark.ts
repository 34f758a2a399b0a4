import type { Test } from 'tap'
import { peerCommand } from './peers.js'
import { runWell } from './run-program.js'

/** What tshark says of one record. */
export interface DissectedRecord {
  clientPort: number
  fromServer: boolean
  /** On the wire: 23 of every encrypted record of TLS 1.3. */
  type: number
  /** Of what is inside, where it could be decrypted. */
  innerType: number | undefined
  /** Without the header. */
  length: number
  alert: number | undefined
  handshakeTypes: number[]
  httpStatus: number | undefined
  httpBodyBytes: number | undefined
}

const fields = [
  'tcp.srcport',
  'tcp.dstport',
  'tls.record.opaque_type',
  'tls.record.content_type',
  'tls.record.length',
  'tls.alert_message.desc',
  'tls.handshake.type',
  'http.response.code',
  'http.content_length',
]

/** Lets tshark decrypt a capture of one record per packet. */
export async function dissect(t: Test, capture: string, keyLog: string): Promise<DissectedRecord[]> {
  const output = await runWell(t, peerCommand('tshark'), [
    ...['-n', '-r', capture, '-o', `tls.keylog_file:${keyLog}`, '-d', 'tcp.port==443,tls', '-Y', 'tls'],
    ...['-T', 'fields', '-E', 'separator=|', '-E', 'occurrence=a', ...fields.flatMap((field) => ['-e', field])],
  ])
  return output
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [from, to, opaque, inner, length, alert, handshake, status, body] = line.split('|')
      const number = (text: string | undefined) => (text === undefined || text === '' ? undefined : Number(text))
      const fromServer = from === '443'
      return {
        clientPort: Number(fromServer ? to : from),
        fromServer,
        type: number(opaque) ?? number(inner) ?? 0,
        innerType: number(inner),
        length: Number(length),
        alert: number(alert),
        handshakeTypes: (handshake ?? '').split(',').filter(Boolean).map(Number),
        httpStatus: number(status),
        httpBodyBytes: number(body),
      }
    })
}
