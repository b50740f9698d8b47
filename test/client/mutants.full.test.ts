import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '#src/client/index.js'
import { expectTold, expectWhole, storm } from './storm-model.js'

/**
 * A client with one thing wrong: in this file, this text is replaced by that. Two that seeds meet too seldom are for tests of
 * their own: a stream for other topics that takes over in between (machine.test.ts, "a topic dropped and added again has no
 * hole"), and what one subscription had that is kept from the next (topics.test.ts).
 */
const mutants: [what: string, file: string, from: string, to: string][] = [
  ['the cursor stays where it began', 'moves', 'cursor: state.cursor', 'cursor: (state.began ??= state.cursor)'],
  [
    'the cursor of a hello counts before its gap',
    'sse',
    "(event === 'hello' && stream.cursor) || lastEventId",
    'lastEventId',
  ],
  ['the cursor is not sent', 'sse', 'headers[lastEventIdHeader] = cursor', 'void 0'],
  ['the old stream is kept beside the new one', 'machine', "letGo(turn, 'current')", 'void 0'],
  ['a silent stream is trusted', 'machine', "setTimer(turn, 'current', silenceLimitMs(heartbeatMs))", 'void 0'],
  ['a sign-in that hangs is waited for', 'moves', 'setTimer(turn, transport, helloWithinMs)', 'void 0'],
  [
    'a stream without hello is waited for',
    'machine',
    'setTimer(turn, turn.slot, helloWithinMs)',
    'setTimer(turn, turn.slot)',
  ],
  ['nobody tries again', 'moves', "setTimer(turn, 'retry', retryAfterMs + jitterMs)", 'void 0'],
  ['no stream is tried beside polls', 'moves', "setTimer(turn, 'probe', probes &&", "setTimer(turn, 'probe', null &&"],
  ['news of a stream that was let go of counts', 'machine', 'if ((stream && !slot)', 'if ((false)'],
  ['an event that came twice is handed on twice', 'topics', 'seq <= entry.seq', 'false'],
  ['numbers of two epochs are compared', 'topics', 'epoch === entry.epoch && ', ''],
  ['after a gap ids are not looked at', 'topics', 'entry.gapped = true', 'void 0'],
  ['gaps are not told', 'topics', 'each(entry, ({ onGap }) => onGap?.(notice))', 'void 0'],
  ['an event goes to the first of its topics', 'topics', '!concern(topics, key)', '!concern([topics[0]], key)'],
  ['polls begin where the first began', 'poll', 'cursor = body.cursor', 'void 0'],
  ['an event is dispatched without its empty line', '../protocol/sse-decode', 'rest += last', 'take(rest + last)'],
  ['history: what comes meanwhile is not withheld', 'history', 'this.#withheld.push(event)', '0'],
  ['history: one answer is all', 'history', 'if (answer.body.upToDate)', 'if (true)'],
  ['history: it does not wait for the stream', 'history', 'this.#carried = carried', 'this.#carried = true'],
  ['history: a gap of the stream changes nothing', 'history', 'onGap: () => this.#interrupted()', 'onGap: () => {}'],
  ['history: streams are believed to be as far as polls', 'history', 'seq <= polledTo', 'false'],
]

/** A client in which one thing was changed. */
async function mutant(file: string, from: string, to: string): Promise<typeof createClient> {
  const folder = join(await mkdtemp(join(tmpdir(), 'tidings-mutant-')), 'dist')
  onTestFinished(() => rm(join(folder, '..'), { recursive: true }))
  const built = fileURLToPath(new URL('..', import.meta.resolve('#src/client/index.js')))
  for (const part of ['client', 'protocol', 'clock.js', 'random.js', 'errors.js']) {
    await cp(join(built, part), join(folder, part), { recursive: true })
  }
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  const path = join(folder, 'client', `${file}.js`)
  const code = await readFile(path, 'utf8')
  const parts = code.split(from)
  expect(parts.length, `"${from}" is there, once`).toBe(2)
  await writeFile(path, parts.join(to))
  const load = (name: string) => import(pathToFileURL(join(folder, 'client', `${name}.js`)).href)
  await Promise.all(['history', 'poll', 'refusal'].map(load))
  return (await load('index')).createClient
}

/** How many storms it takes until the client is found out; null: it is not. */
async function foundAfter(create: typeof createClient): Promise<number | null> {
  for (let seed = 1; seed <= 400; seed++) {
    try {
      const switches = seed % 3 === 0
      expectWhole(await storm(seed, { switches }, create), seed)
      expectTold(await storm(seed, { switches, forgets: true }, create), seed)
    } catch {
      return seed
    }
  }
  return null
}

test('the model finds nothing wrong with the client as it is', async () => {
  expect(await foundAfter(createClient)).toBeNull()
}, 300_000)

test.each(mutants)(
  'the model finds out a client in which %s',
  async (what, file, from, to) => {
    const seed = await foundAfter(await mutant(file, from, to))
    console.log(`${what}: after ${seed} storms`)
    expect(seed).not.toBeNull()
  },
  300_000,
)
