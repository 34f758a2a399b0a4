import t from 'tap'
import {
  countActive,
  countBytes,
  countFallback,
  countSession,
  countTransfer,
  getStats,
  type Stats,
} from '../../../src/observe/stats.js'

const zero: Stats = {
  sessions: { tracked: 0, kernel: 0, refused: 0 },
  transfers: { tls: 0, tcp: 0, failed: 0, active: 0 },
  bytes: { tls: 0, tcp: 0 },
  fallbacks: {},
}

t.test('everything begins at zero', async (t) => {
  t.strictSame(getStats(), zero)
})

t.test('each count goes where it belongs', async (t) => {
  countSession('kernel')
  countSession('kernel')
  countSession('refused')
  t.strictSame(getStats().sessions, { tracked: 3, kernel: 2, refused: 1 })

  countTransfer('tls')
  countTransfer('tls')
  countTransfer('tcp')
  t.strictSame(getStats().transfers, { tls: 2, tcp: 1, failed: 0, active: 0 })
  countActive(1)
  countActive(1)
  countActive(-1)
  countTransfer('failed')
  t.strictSame(getStats().transfers, { tls: 2, tcp: 1, failed: 1, active: 1 })

  countBytes('tls', 10)
  countBytes('tls', 5)
  countBytes('tcp', 2 ** 33)
  t.strictSame(getStats().bytes, { tls: 15, tcp: 2 ** 33 })

  countFallback('http2')
  countFallback('http2')
  countFallback('disabled')
  t.strictSame(getStats().fallbacks, { http2: 2, disabled: 1 })
})

t.test('what is handed out is a copy', async (t) => {
  const first = getStats()
  const text = JSON.stringify(first)
  first.sessions.tracked = 1000
  first.transfers.active = -1
  first.bytes.tls = 0
  first.fallbacks.disabled = 99
  t.equal(JSON.stringify(getStats()), text)
  countFallback('fips-mode')
  t.equal(first.fallbacks['fips-mode'], undefined, 'it does not change later')
})
