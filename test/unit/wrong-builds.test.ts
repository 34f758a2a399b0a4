import t from 'tap'
import { load, textOf } from './fixtures/documents.js'

interface Mistake {
  letter: string
  file: string
  from: string
}

const { mistakes } = (await load('scripts/wrong-builds/mistakes.mjs')) as { mistakes: Mistake[] }

t.test('each mistake of `npm run test:wrong-builds` can be made in the source as it is, in one place', async (t) => {
  t.ok(mistakes.length > 30)
  for (const { letter, file, from } of mistakes) t.equal(textOf(file).split(from).length, 2, `${letter}: ${file}`)
})
