import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Position } from '#src/protocol/cursor.js'
import { sqliteStore } from '#src/store/sqlite.js'
import type { StoredEvent } from '#src/store/store.js'
import { seededRandom } from '#src/testing/seeded-random.js'

const seed = 20_260
/** Some kills fall into opening and recovery, most into publishing. */
const longestLifeMs = 100

/** Kills a publisher so many times, and expects every acknowledged event once, in order, and no number twice. */
export async function killPublishers(kills: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-kill-'))
  const file = join(directory, 'tidings.db')
  const random = seededRandom(seed)
  const acknowledged = new Map<string, number>()
  let killedWhileOpening = 0
  try {
    for (let round = 0; round < kills; round++) {
      const lines = await publishUntilKilled(file, round, random.fraction())
      if (lines.length === 0) killedWhileOpening++
      for (const line of lines) {
        const [id = '', seq] = line.split(' ')
        expect(acknowledged.has(id)).toBe(false)
        acknowledged.set(id, Number(seq))
      }
    }
    const kept = await readAll(file)
    const unacknowledged = kept.length - acknowledged.size
    console.log(
      `SIGKILL ${kills} times (${killedWhileOpening} before the first acknowledgement; seed ${seed}): ` +
        `${acknowledged.size} acknowledged, all kept once; ${unacknowledged} kept without having been acknowledged; ` +
        `${Math.round(statSync(file).size / 1e6)} MB`,
    )
    const seqById = new Map(kept.map(({ id, seq }) => [id, seq]))
    expect(seqById.size).toBe(kept.length)
    expect(kept.map(({ seq }) => seq)).toEqual(Array.from(kept, (_, at) => at + 1))
    expect([...acknowledged].filter(([id, seq]) => seqById.get(id) !== seq)).toEqual([])
    expect(new Set(acknowledged.values()).size).toBe(acknowledged.size)
    expect(firstOutOfOrder(kept)).toBe(null)
    expect(acknowledged.size).toBeGreaterThan(kills * 10)
    // At most what each of the 16 publishers had on its way.
    expect(unacknowledged).toBeLessThanOrEqual(kills * 16)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** What it noted as acknowledged before the kill, which comes at a random moment of its life. */
function publishUntilKilled(file: string, round: number, fraction: number): Promise<string[]> {
  const notes = `${file}.acknowledged-${round}`
  const child = spawn(process.execPath, [join(import.meta.dirname, 'sqlite-publisher.mjs'), file, String(round), notes])
  let complaints = ''
  let killing: NodeJS.Timeout | undefined
  const kill = () => child.kill('SIGKILL')
  // A tenth of the kills is counted from the start of the process, so that they hit the opening of the file too.
  const fromStart = fraction < 0.1
  if (fromStart) killing = setTimeout(kill, fraction * 10 * longestLifeMs)
  child.stderr.setEncoding('utf8').on('data', (text) => (complaints += text))
  child.stdout.on('data', () => {
    if (!fromStart) killing ??= setTimeout(kill, fraction * longestLifeMs)
  })
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      clearTimeout(killing)
      if (signal !== 'SIGKILL') return reject(new Error(`The publisher ended by itself (${code}): ${complaints}`))
      resolve(existsSync(notes) ? readFileSync(notes, 'utf8').split('\n').slice(0, -1) : [])
    })
  })
}

async function readAll(file: string): Promise<StoredEvent[]> {
  const store = sqliteStore(file, { retention: { events: 10_000_000, bytes: 2 ** 40 } })
  await store.open()
  const kept: StoredEvent[] = []
  for (let after: Position | 'start' = 'start', more = true; more; ) {
    const page = await store.read('n', { topics: ['a', 'b'], after, limit: 1_000, maxBytes: 2 ** 22 })
    expect(page.gaps).toEqual([])
    kept.push(...page.events)
    after = page.upTo
    more = page.more
  }
  expect((await store.head('n')).seq).toBe(kept.at(-1)?.seq)
  await store.close()
  return kept
}

/** The events of each publisher are in the order in which it published them, without a hole before its last. */
function firstOutOfOrder(kept: readonly StoredEvent[]): string | null {
  const next = new Map<string, number>()
  for (const { id } of kept) {
    const [round, publisher, count] = id.split('-')
    const key = `${round}-${publisher}`
    if ((next.get(key) ?? 0) !== Number(count)) return id
    next.set(key, Number(count) + 1)
  }
  return null
}
