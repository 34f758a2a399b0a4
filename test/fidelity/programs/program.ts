import fc from 'fast-check'

/** What a random program does on one connection: some exchanges, each with files and words in a random order. */
export interface Program {
  exchanges: Exchange[]
  /** All requests at once, or each after the answer before. */
  pipelined: boolean
  /** How many turns of its event loop the client lets pass before it reads each answer. */
  readerWaits: number
  /** Small ranges go out on the event loop's thread; otherwise all on the sender's. */
  atOnce: boolean
}

export interface Exchange {
  framing: 'length' | 'chunked' | 'close'
  steps: Step[]
  /** How it ends; `cut` destroys the response after the steps. */
  end: 'end' | 'end with words' | 'cut'
}

export type Step = WordStep | FileStep

export interface WordStep {
  kind: 'words'
  bytes: number
  times: number
  corked: boolean
}

export interface FileStep {
  kind: 'file'
  size: number
  start: number
  /** Bytes at most. */
  length: number
  highWaterMark: number
  meanwhile: Meanwhile
  /** When that is done. */
  when: 'before' | 'same tick' | 'open' | 'later'
  turns: number
}

/** What the application does to the source while it is piped. */
export type Meanwhile =
  | 'nothing'
  | 'pause, resume'
  | 'unpipe, pipe'
  | 'listen'
  | 'listen, forget'
  | 'second pipe'
  | 'second pipe, unpipe'
  | 'decode'
  | 'unshift'

/** Ranges are that large while programs run, so that small files have borders, too. */
export const rangeBytes = 16 * 1024

const recordBytes = 16 * 1024
const chunkBytes = 64 * 1024

/** Sizes where something ends, and sizes in between. */
const size = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 12 * rangeBytes }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(0, recordBytes, rangeBytes, 2 * rangeBytes, chunkBytes, 5 * rangeBytes),
        fc.integer({ min: -1, max: 1 }),
      )
      .map(([border, more]) => Math.max(0, border + more)),
  },
)

const words: fc.Arbitrary<WordStep> = fc.record({
  kind: fc.constant('words' as const),
  bytes: fc.oneof(fc.integer({ min: 0, max: 300 }), size),
  times: fc.integer({ min: 1, max: 3 }),
  corked: fc.boolean(),
})

const file: fc.Arbitrary<FileStep> = fc.record({
  kind: fc.constant('file' as const),
  size,
  start: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: size }),
  length: fc.oneof(
    { weight: 3, arbitrary: fc.constant(2 ** 40) },
    { weight: 1, arbitrary: size.map((bytes) => bytes + 1) },
  ),
  highWaterMark: fc.constantFrom(chunkBytes, 1000, 20_000),
  meanwhile: fc.constantFrom(
    'nothing',
    'nothing',
    'pause, resume',
    'unpipe, pipe',
    'listen',
    'listen, forget',
    'second pipe',
    'second pipe, unpipe',
    'decode',
    'unshift',
  ),
  when: fc.constantFrom('before', 'same tick', 'open', 'later', 'later'),
  turns: fc.integer({ min: 0, max: 6 }),
})

const exchange: fc.Arbitrary<Exchange> = fc.record({
  framing: fc.constantFrom('length', 'chunked', 'chunked', 'close'),
  steps: fc.array(fc.oneof({ weight: 3, arbitrary: file }, { weight: 1, arbitrary: words }), {
    minLength: 1,
    maxLength: 4,
  }),
  end: fc.constantFrom('end', 'end', 'end', 'end', 'end with words', 'cut'),
})

export const program: fc.Arbitrary<Program> = fc
  .record({
    exchanges: fc.array(exchange, { minLength: 1, maxLength: 3 }),
    pipelined: fc.boolean(),
    readerWaits: fc.nat({ max: 8 }),
    atOnce: fc.boolean(),
  })
  .map(({ exchanges, pipelined, readerWaits, atOnce }) => ({
    exchanges: exchanges.map((exchange, index) => goOn(exchange, index < exchanges.length - 1, pipelined)),
    pipelined,
    readerWaits,
    atOnce,
  }))

/**
 * Only the last exchange ends the connection. And what may still wait for its turn is neither cut nor corked: Node 22 and
 * newer say nothing then, neither 'close' nor that it was written.
 */
function goOn(exchange: Exchange, moreFollow: boolean, pipelined: boolean): Exchange {
  const { framing, end, steps } = exchange
  return {
    ...exchange,
    framing: moreFollow && framing === 'close' ? 'chunked' : framing,
    end: (moreFollow || pipelined) && end === 'cut' ? 'end' : end,
    steps: steps.map((step) => (step.kind === 'words' && pipelined ? { ...step, corked: false } : step)),
  }
}
