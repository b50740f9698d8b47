import { test } from 'vitest'
import { killPublishers } from './sqlite-kill.js'

test('S1, D2: 15 times SIGKILL while publishing: every acknowledged event once, in order, no number twice', async () => {
  await killPublishers(15)
})
