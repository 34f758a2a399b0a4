import { constants } from 'node:os'
import t from 'tap'
import { invalidArgument, KtlsError, sourceTruncated, writeError } from '../../src/errors.js'

const specifierOfCopy: string = '../../src/errors.js?copy'
const copy = (await import(specifierOfCopy)) as typeof import('../../src/errors.js')

t.test('KtlsError: an Error with a name, a code and a cause', async (t) => {
  const cause = new Error('below')
  const error = new KtlsError('ERR_KTLS_RANGE_NOT_SENT', 'what happened', { cause })
  t.ok(error instanceof Error)
  t.match(error, { name: 'KtlsError', code: 'ERR_KTLS_RANGE_NOT_SENT', message: 'what happened', cause })
  t.match(error.stack, /^KtlsError: what happened\n/)
  t.strictSame(Object.keys(error), ['code', 'name'].sort(), 'the brand is not shown')
})

t.test('KtlsError: instanceof holds across copies of the package', async (t) => {
  t.not(copy.KtlsError, KtlsError, 'there are two')
  t.ok(new copy.KtlsError('ERR_KTLS_RANGE_NOT_SENT', 'x') instanceof KtlsError)
  t.ok(new KtlsError('ERR_KTLS_RANGE_NOT_SENT', 'x') instanceof copy.KtlsError)
})

t.test('KtlsError: instanceof does not hold for anything else', async (t) => {
  const others = [new Error('x'), new TypeError('x'), { code: 'ERR_KTLS_RANGE_NOT_SENT' }, null, undefined, 'x', 1]
  for (const other of others) t.notOk((other as unknown) instanceof KtlsError, String(other))
})

t.test('invalidArgument: names the argument and what it got, on one line that is not too long', async (t) => {
  const error = invalidArgument('options.end', 'a boolean', 'yes')
  t.ok(error instanceof TypeError)
  t.match(error, {
    code: 'ERR_KTLS_INVALID_ARGUMENT',
    message: "The argument 'options.end' must be a boolean. Received 'yes'",
  })
  const long = invalidArgument('of', 'short', 'x'.repeat(1000))
  t.ok(long.message.length < 140, `${long.message.length} characters`)
  const nested = invalidArgument('of', 'short', { a: { b: 1 }, c: ['x'.repeat(60), 'y'.repeat(60)] })
  t.notMatch(nested.message, /\n/)
})

t.test('writeError: the shape of a failed write of Node', async (t) => {
  const { EPIPE, ECONNRESET } = constants.errno
  t.match(writeError(-EPIPE), { message: 'write EPIPE', code: 'EPIPE', errno: -EPIPE, syscall: 'write' })
  t.match(writeError(-ECONNRESET), { code: 'ECONNRESET', errno: -ECONNRESET })
  t.notOk(writeError(-EPIPE) instanceof KtlsError)
})

t.test('sourceTruncated: says how much is missing', async (t) => {
  const error = sourceTruncated(1234)
  t.ok(error instanceof KtlsError)
  t.equal(error.code, 'ERR_KTLS_SOURCE_TRUNCATED')
  t.match(error.message, /\b1234 bytes\b/)
})
