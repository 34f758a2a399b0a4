// Imported beside `ktls-pipe/register` into any program: answers its parent with the package's counters.

import { getStats } from 'ktls-pipe'

process.on('message', (question) => {
  if (question === 'stats') process.send({ stats: getStats() })
})
