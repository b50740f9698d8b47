import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { audit } from './auditor.js'
import { digestOf, type Publish } from './history.js'
import { logOf } from './noting-publisher.js'
import { NotingReader } from './noting-reader.js'
import { openStore, storeOn } from './redis-bench.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What the next minor version may do: more members, a kind of announcement nobody knows yet, a newer format. */
const nextMinor: readonly (readonly [file: string, from: string, to: string])[] = [
  ['store/redis/keys.js', `format = '1.0'`, `format = '1.1'`],
  [
    'store/redis/content.js',
    'JSON.stringify(naming)',
    'JSON.stringify([id, type, priority, topics, conflationKey ?? null, { newer: true }])',
  ],
  ['store/redis/scripts/append.js', "stampText .. '\\n'", "stampText .. ' newer\\n'"],
  [
    'store/redis/scripts/append.js',
    'if #announced > 0 then',
    "call('PUBLISH', key('feed'), 'z newer news')\nif #announced > 0 then",
  ],
  ['jobs/state.js', '({ format, ...state })', '({ format, ...state, newer: { deep: [1] } })'],
]
const nextMajor = [['store/redis/keys.js', `format = '1.0'`, `format = '2.0'`]] as const

/** A build of its own, changed. */
async function variant(edits: readonly (readonly [string, string, string])[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-variant-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await cp(join(root, 'dist'), join(folder, 'dist'), { recursive: true })
  await cp(join(root, 'package.json'), join(folder, 'package.json'))
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  for (const [file, from, to] of edits) {
    const path = join(folder, 'dist', file)
    const text = await readFile(path, 'utf8')
    if (!text.includes(from)) throw new Error(`${file} no longer has ${from}: the variant would be none`)
    await writeFile(
      path,
      text.replace(from, () => to),
    )
  }
  return join(folder, 'dist')
}

interface Told {
  readonly port?: number
  readonly error?: { readonly code: string; readonly message: string }
}

async function startNode(dist: string, url: string): Promise<Told> {
  const child: ChildProcess = fork(fileURLToPath(new URL('redis-node.mjs', import.meta.url)), [dist, url])
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const [told] = (await Promise.race([
    once(child, 'message'),
    // After all that it said, which an exit may overtake.
    once(child, 'disconnect')
      .then(() => exited)
      .then(([code]) => [{ error: { code: 'exit', message: `it ended with ${code}` } }]),
  ])) as [Told]
  return told
}

describe.skipIf(noRedis)('two versions on one Redis', () => {
  test('H9: neighbouring minors read the events, jobs and announcements of each other', async () => {
    const server = await redisForTest()
    const newer = await variant(nextMinor)
    const nodes = await Promise.all([startNode(join(root, 'dist'), server.url), startNode(newer, server.url)])
    expect(nodes.map(({ error }) => error)).toEqual([undefined, undefined])
    const urls = nodes.map(({ port }) => `http://127.0.0.1:${port}`)
    const readers = urls.map((url, at) => new NotingReader(url, `of node ${at}`, ['a', 'job:j'], { since: 'now' }))
    onTestFinished(() => readers.forEach((reader) => reader.hangUp()))
    await Promise.all(readers.map((reader) => reader.until(() => reader.notes.length > 0)))

    const say = async (at: number, path: string, body: unknown, method = 'POST') => {
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(`${urls[at]}${path}`, { method, headers, body: JSON.stringify(body) })
      const answer = (await response.json()) as { cursor: string; accepted?: boolean; job?: any; code?: string }
      if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(answer)}`)
      return answer
    }
    const publishes: Publish[] = []
    for (let n = 0; n < 60; n++) {
      const id = `p-${n}`
      const { cursor } = await say(n % 2, '/events', { id, topic: 'a', type: 'note', data: n })
      publishes.push({ by: 'p', n, id, topics: ['a'], digest: digestOf(n), outcome: 'acknowledged', cursor })
      // The same id at the other one is the same event.
      if (n % 10 === 0) {
        const again = await say((n + 1) % 2, '/events', { id, topic: 'a', type: 'note', data: n })
        expect(again.cursor).toBe(cursor)
      }
    }
    await say(0, '/jobs', { id: 'j', owner: 'user:root', kind: 'k', total: 20 })
    for (let n = 0; n < 20; n++) await say(n % 2, '/jobs/j', { increment: { processed: 1 } }, 'PATCH')
    const done = await say(1, '/jobs/j/complete', { result: { fine: true } })
    expect([done.accepted, done.job.counters.processed, done.job.percent]).toEqual([true, 20, 100])
    const ended = (reader: NotingReader): boolean => reader.events.some(({ at }) => isCompleted(reader, at))
    await Promise.all(readers.map((reader) => reader.until(() => ended(reader))))
    await Promise.all(readers.map((reader) => reader.until(() => reader.has('p-59'))))
    const onlyNotes = readers.map(({ name, notes }) => ({
      name,
      topics: ['a'],
      layer: 'wire' as const,
      notes: notes.filter((note) => note.kind !== 'event' || note.topics.includes('a')),
    }))
    const log = await logOf(await openStore(server.url), ['a'])
    expect(audit({ publishes, readers: onlyNotes, log })).toEqual([])
    expect(log.length).toBe(60)
  })

  test('H9: what a newer major wrote is refused, by its number', async () => {
    const server = await redisForTest()
    const told = await startNode(await variant(nextMajor), server.url)
    expect(told.error).toBe(undefined)
    const store = storeOn(server.url)
    await expect(store.open()).rejects.toMatchObject({
      code: 'store_newer',
      message: expect.stringContaining('2.0'),
    })
    await store.close()
  })

  test('H9: a newer major does not start on what this version keeps', async () => {
    const server = await redisForTest()
    await openStore(server.url)
    const told = await startNode(await variant(nextMajor), server.url)
    expect(told.error).toMatchObject({ message: expect.stringContaining('1.0') })
  })
})

function isCompleted(reader: NotingReader, at: number): boolean {
  const note = reader.notes[at]
  return note?.kind === 'event' && note.topics.includes('job:j') && reader.types[at] === 'job.completed'
}
