/** An HTTP/1.1 answer as it stands in a connection that ends after it. */
export interface HttpAnswer {
  status: number
  body: Buffer
}

/** For an answer with Content-Length, or that ends with its connection. */
export function parseAnswer(bytes: Buffer): HttpAnswer {
  const end = bytes.indexOf('\r\n\r\n')
  const head = bytes.subarray(0, Math.max(end, 0)).toString('latin1')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1] ?? 0)
  return { status, body: end < 0 ? Buffer.alloc(0) : bytes.subarray(end + 4) }
}
