import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CorruptRow, type SqliteStoreOptions, sqliteStore } from '#src/store/sqlite.js'
import { type Database, loadDriver } from '#src/store/sqlite/driver.js'
import { Engine } from '#src/store/sqlite/engine.js'
import { resolveStoreLimits } from '#src/store/retention.js'
import type { Store } from '#src/store/store.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { event, fill, Listener, put, query, seqs } from '#src/testing/store-contract/kit.js'

let directory: string
let file: string
let undo: (() => unknown)[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidings-sqlite-'))
  file = join(directory, 'tidings.db')
  undo = []
})
afterEach(async () => {
  for (const step of undo.reverse()) await step()
  rmSync(directory, { recursive: true, force: true })
})

async function open(options: SqliteStoreOptions = {}, path = file): Promise<Store> {
  const store = sqliteStore(path, options)
  await store.open()
  undo.push(() => store.close())
  return store
}

/** Changes the closed file behind the store's back. */
async function tamper(sql: string): Promise<void> {
  const database: Database = (await loadDriver())(file)
  database.exec(sql)
  database.close()
}

describe('the file', () => {
  test('S1: what was acknowledged is there after closing, also in a directory that has to be made', async () => {
    const path = join(directory, 'new', 'deep', 'tidings.db')
    const store = await open({}, path)
    const { position } = await put(store, event('a', { id: 'x' }))
    await store.close()
    const again = await open({}, path)
    expect(await again.head('n')).toEqual(position)
    expect((await again.read('n', query('a', 'start'))).events.map(({ id }) => id)).toEqual(['x'])
  })

  test('H9: a file of a newer version is refused with its number and left as it is', async () => {
    await (await open()).close()
    await tamper("UPDATE meta SET value = 7 WHERE key = 'version'")
    const before = readFileSync(file)
    await expect(open()).rejects.toMatchObject({ code: 'store_newer', message: expect.stringContaining('version 7') })
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  test('H9 O3: a file of the version before is taken over, and what it keeps is counted', async () => {
    const store = await open()
    const deadline = { afterMs: 30_000, lease: true }
    const states = [{ topic: 's', expect: 0, value: 'x', deadline }]
    await put(store, { events: [event('a'), event(['a', 'b'])], states })
    const before = await store.holdings?.of('n')
    await store.close()
    await tamper(
      `DROP TABLE tallies; ALTER TABLE states DROP COLUMN label; ALTER TABLE namespaces DROP COLUMN events;
       ALTER TABLE namespaces DROP COLUMN topics; UPDATE meta SET value = 1 WHERE key = 'version'`,
    )
    const again = await open()
    expect(await again.holdings?.of('n')).toEqual(before)
    expect(before).toMatchObject({ events: 2, topics: 2, leases: 1 })
    await again.erase('n', 'a')
    expect(await again.holdings?.of('n')).toMatchObject({ events: 1, topics: 2 })
    await again.close()
    expect((await (await open()).read('n', query('b', 'start'))).events.length).toBe(1)
  })

  test('S1: what is no file of Tidings is refused by name of the reason', async () => {
    writeFileSync(file, 'not a database at all, but long enough to have a header'.repeat(20))
    await expect(open()).rejects.toMatchObject({ code: 'store_corrupt' })
    rmSync(file)
    await tamper('CREATE TABLE notes (text)')
    await expect(open()).rejects.toMatchObject({
      code: 'store_corrupt',
      message: expect.stringContaining('not one of'),
    })
  })

  test('H10: wrong options are refused by name', () => {
    for (const path of ['', ':memory:', 'file:x']) {
      expect(() => sqliteStore(path)).toThrow(expect.objectContaining({ code: 'option_invalid', field: 'file' }))
    }
    const synchronous = 'off' as 'full'
    expect(() => sqliteStore(file, { synchronous })).toThrow(expect.objectContaining({ field: 'synchronous' }))
    expect(() => sqliteStore(file, { quotaBytes: 0 })).toThrow(expect.objectContaining({ field: 'quotaBytes' }))
  })

  test('D4: newEpoch makes every earlier cursor a gap, keeps the events and goes on with the numbers', async () => {
    const store = await open()
    const before = (await put(store, event('a'))).position
    await put(store, event('a'), 'other')
    await store.close()
    const again = await open({ newEpoch: true })
    const { gaps, events, upTo } = await again.read('n', query('a', before))
    expect([gaps, seqs(events), upTo.seq]).toEqual([[{ reason: 'epoch', topics: ['a'] }], [1], 1])
    expect(new Set([before.epoch, upTo.epoch, (await again.head('other')).epoch]).size).toBe(3)
    expect((await put(again, event('a'))).position).toEqual({ epoch: upTo.epoch, seq: 2 })
    await again.close()
    expect(await (await open()).head('n')).toEqual({ epoch: upTo.epoch, seq: 2 })
  })

  test('S1: a closed store refuses, and what was accepted before closing is done', async () => {
    const store = sqliteStore(file)
    await expect(store.head('n')).rejects.toMatchObject({ code: 'closed' })
    await store.open()
    const accepted = Array.from({ length: 50 }, () => put(store, event('a')))
    const closing = store.close()
    await expect(store.append('n', { events: [event('a')] })).rejects.toMatchObject({ code: 'closed' })
    await closing
    expect((await Promise.all(accepted)).at(-1)?.position.seq).toBe(50)
    expect((await (await open()).head('n')).seq).toBe(50)
  })

  test('S6: without a sync at each commit, numbers that a power cut may have taken are never used again', async () => {
    const store = await open({ synchronous: 'normal' })
    const kept = (await put(store, event('a'))).position
    await store.close()
    expect((await (await open({ synchronous: 'normal' })).head('n')).seq).toBe(1)
    for (const step of undo.splice(0)) await step()
    await tamper("UPDATE meta SET value = 1 WHERE key = 'unsynced'")
    const again = await open()
    const taken = { ...kept, seq: kept.seq + 5 }
    const { position } = await put(again, event('a'))
    expect(position.seq).toBeGreaterThan(taken.seq)
    expect((await again.read('n', query('a', taken))).gaps).toEqual([{ reason: 'lost', topics: ['a'] }])
    for (const whole of [kept, { ...kept, seq: position.seq - 1 }]) {
      const { gaps, events } = await again.read('n', query('a', whole))
      expect([gaps, seqs(events)]).toEqual([[], [position.seq]])
    }
  })
})

describe('one owner', () => {
  const namesUs = { code: 'store_locked', message: expect.stringContaining(`process ${process.pid} on ${hostname()}`) }

  test('S1: a second store on the file, also by another path, is refused and names this process', async () => {
    await open()
    await expect(open()).rejects.toMatchObject(namesUs)
    const link = join(directory, 'link')
    mkdirSync(join(directory, 'elsewhere'))
    symlinkSync(directory, link)
    await expect(open({}, join(link, 'tidings.db'))).rejects.toMatchObject(namesUs)
  })

  test('S1: a second process is refused and names the first; the lock ends with the first, killed or not', async () => {
    const holder = spawn(process.execPath, [join(import.meta.dirname, 'hold-sqlite.mjs'), file])
    undo.push(() => holder.kill('SIGKILL'))
    await once(holder.stdout, 'data')
    await expect(open()).rejects.toMatchObject({
      code: 'store_locked',
      message: expect.stringContaining(`process ${holder.pid} on ${hostname()}`),
    })
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    await put(await open(), event('a'))
  })
})

describe('group commit', () => {
  test('S3: appends of one tick share a commit; answers and announcements keep the order of the calls', async () => {
    const store = await open()
    const calls: number[][] = []
    const listener = new Listener()
    const follower = {
      announced: (all: Parameters<Listener['announced']>[0]) => (calls.push(seqs(all)), listener.announced(all)),
      interrupted: () => listener.interrupted(),
      probed: () => undefined,
    }
    await store.follow('n', follower)
    const answered: number[] = []
    const appends = Array.from({ length: 500 }, () =>
      put(store, event('a')).then(({ position }) => answered.push(position.seq)),
    )
    await Promise.all(appends)
    await listener.until(() => listener.heard.length === 500)
    const inOrder = Array.from({ length: 500 }, (_, at) => at + 1)
    expect(answered).toEqual(inOrder)
    expect(calls.flat()).toEqual(inOrder)
    expect(calls.length).toBe(1)
  })

  test('S3: one that is refused does not take the others of its commit along', async () => {
    const store = await open()
    await put(store, { events: [event('a', { id: 'x' })], states: [{ topic: 't', expect: 0, value: '1' }] })
    const outcomes = await Promise.all([
      store.append('n', { events: [event('a')] }),
      store.append('n', { events: [event('a'), event('a', { id: 'x', digest: 'other' })] }),
      store.append('n', { events: [event('a')], states: [{ topic: 't', expect: 5, value: '2' }] }),
      store.append('n', { events: [event('a')] }),
    ])
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['stored', 'reused', 'conflict', 'stored'])
    expect(seqs((await store.read('n', query('a', 'start'))).events)).toEqual([1, 2, 3])
  })
})

describe('damage', () => {
  test('S1: an event that is not what was stored is left out, reported, and a gap for its topics', async () => {
    const store = await open()
    const start = await store.head('n')
    await fill(store, 'a', 5)
    await put(store, { events: [event(['a', 'b']), event('b')] })
    await store.close()
    await tamper("UPDATE events SET body = replace(body, 'test', 'tesu') WHERE seq IN (3, 6)")
    const corrupt: CorruptRow[] = []
    const again = await open({ onCorrupt: (row) => corrupt.push(row) })
    const both = await again.read('n', query(['a', 'b'], start))
    expect([seqs(both.events), both.upTo.seq]).toEqual([[1, 2, 4, 5, 7], 7])
    expect(both.gaps).toEqual([{ reason: 'lost', topics: ['a', 'b'] }])
    expect(corrupt).toEqual([
      { namespace: 'n', seq: 3, topics: ['a'] },
      { namespace: 'n', seq: 6, topics: ['a', 'b'] },
    ])
    const behind = await again.read('n', query(['a', 'b'], { ...start, seq: 6 }))
    expect([seqs(behind.events), behind.gaps]).toEqual([[7], []])
    const page = await again.read('n', query('a', { ...start, seq: 3 }, { limit: 2 }))
    expect([seqs(page.events), page.gaps, page.more]).toEqual([[4, 5], [], true])
  })

  test('E1: text with line breaks, without a key, with an empty one and beyond Latin comes back as it was', async () => {
    const store = await open()
    const keys = [undefined, '', 'one\ntwo', 'ключ', undefined]
    for (const [at, conflationKey] of keys.entries()) {
      await put(store, event(['a', 'b\n'], { body: `"data":"\n${at} €"`, conflationKey }))
    }
    const { events } = await store.read('n', query(['a', 'b\n'], 'start'))
    expect(events.map(({ body, topics, conflationKey }) => [body, topics, conflationKey])).toEqual(
      keys.map((key, at) => [`"data":"\n${at} €"`, ['a', 'b\n'], key]),
    )
  })

  test('S1: a page on which nothing is sound is passed over, not taken for the end', async () => {
    const store = await open()
    await fill(store, 'a', 5)
    await store.close()
    await tamper('UPDATE events SET checksum = checksum + 1 WHERE seq < 5')
    const again = await open()
    const page = await again.read('n', query('a', { ...(await again.head('n')), seq: 0 }, { limit: 2 }))
    expect([seqs(page.events), page.more, page.upTo.seq]).toEqual([[5], false, 5])
    expect(page.gaps).toEqual([{ reason: 'lost', topics: ['a'] }])
  })

  test('D4: rows and entries that vanished are a gap, and retention still works', async () => {
    const limits = { retention: { events: 10 } }
    const store = await open(limits)
    const start = await store.head('n')
    await fill(store, 'a', 9)
    await store.close()
    await tamper('DELETE FROM events WHERE seq = 2; DELETE FROM entries WHERE seq IN (1, 5)')
    const again = await open(limits)
    for (const after of [start, 'start'] as const) {
      const { events, gaps } = await again.read('n', query('a', after))
      expect([seqs(events), gaps]).toEqual([[3, 4, 6, 7, 8, 9], [{ reason: 'lost', topics: ['a'] }]])
    }
    expect((await again.read('n', query('a', { ...start, seq: 5 }))).gaps).toEqual([])
    await fill(again, 'a', 30)
    expect(seqs((await again.read('n', query('a', 'start'))).events).at(-1)).toBe(39)
    await again.erase('n', 'a')
    expect(await again.describe('n', 'a')).toMatchObject({ count: 0, bytes: 0 })
  })

  test('S1: a commit that fails while syncing is indeterminate and stops the store, never tried again', async () => {
    const database = (await loadDriver())(file)
    undo.push(() => database.close())
    const { prepareSchema } = await import('#src/store/sqlite/schema.js')
    prepareSchema(database, 0)
    let commits = 0
    let broken = false
    const failing: Database = {
      exec: (sql) => database.exec(sql),
      close: () => database.close(),
      prepare(sql) {
        const statement = database.prepare(sql)
        if (sql !== 'COMMIT') return statement
        const run = () => {
          commits++
          // SQLITE_IOERR_FSYNC
          if (broken) throw Object.assign(new Error('disk I/O error'), { errcode: 1034 })
          return statement.run()
        }
        return { run, get: () => undefined, all: () => [] }
      },
    }
    const time = { wallMs: 0, monotonicMs: 0 }
    const engine = new Engine(failing, { file, limits: resolveStoreLimits({}), synchronous: 'full' }, time)
    const append = { kind: 'append', namespace: 'n', append: { events: [event('a')] } } as const
    const [, stored] = engine.run([{ time, requests: [{ kind: 'introduce', namespace: 'n', epoch: 'e' }, append] }])
    expect(stored).toMatchObject({ value: { outcome: 'stored' } })
    broken = true
    const requests = [append, { ...append, append: { events: [event('a')] } }]
    const unknown = engine.run([{ time, requests }])
    expect(unknown).toMatchObject([{ failure: { code: 'indeterminate' } }, { failure: { code: 'indeterminate' } }])
    broken = false
    expect(engine.run([{ time, requests: [append] }])).toMatchObject([{ failure: { code: 'store_unavailable' } }])
    expect(commits).toBe(2)
  })
})

describe.skipIf(!canMount())('a disk that refuses (needs root and tmpfs)', () => {
  const mount = (...options: string[]) => execFileSync('mount', [...options, directory], { stdio: 'pipe' })

  beforeEach(() => {
    mount('-t', 'tmpfs', '-o', 'size=2m', 'tmpfs')
    undo.push(() => execFileSync('umount', [directory]))
  })

  test('S1: on a full disk publishes are refused whole, reads go on, and it recovers when there is space', async () => {
    const store = await open()
    await put(store, event('a'))
    writeFileSync(join(directory, 'ballast'), Buffer.alloc(900_000))
    const body = `"data":"${'x'.repeat(20_000)}"`
    const results = await Promise.allSettled(Array.from({ length: 200 }, () => put(store, event('a', { body }))))
    const stored = results.flatMap((result) => (result.status === 'fulfilled' ? result.value.position.seq : []))
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []))
    expect(refused.length).toBeGreaterThan(50)
    expect(new Set(refused)).toEqual(new Set(['store_unavailable']))
    expect(seqs((await store.read('n', query('a', 'start'))).events)).toEqual([1, ...stored])
    rmSync(join(directory, 'ballast'))
    const { position } = await put(store, event('a'))
    expect(position.seq).toBe(stored.length + 2)
    await store.close()
    const { events } = await (await open()).read('n', query('a', 'start'))
    expect(seqs(events)).toEqual([1, ...stored, position.seq])
  })

  test('S1: on a read-only file system opening is refused cleanly', async () => {
    await put(await open(), event('a'))
    for (const step of undo.splice(1)) await step()
    mount('-o', 'remount,ro')
    await expect(open()).rejects.toMatchObject({ code: 'store_unavailable' })
    mount('-o', 'remount,rw')
    expect((await (await open()).head('n')).seq).toBe(1)
  })
})

test('J6: a jump of the wall clock ends no lease, no id and no order', async () => {
  const clock = fakeClock()
  const store = await open({ clock })
  const sweep = { limit: 10, pauseMs: 5_000 }
  await store.due(sweep)
  const deadline = { afterMs: 10_000, lease: true }
  await put(store, { events: [event('a', { id: 'x' })], states: [{ topic: 'job:1', expect: 0, value: 'v', deadline }] })
  for (const jumpMs of [3_600_000, -7_200_000]) {
    clock.jump(jumpMs)
    await store.maintain()
    expect(await store.due(sweep)).toEqual([])
    expect((await put(store, event('a', { id: 'x' }))).events[0]?.duplicate).toBe(true)
  }
  await clock.advance(4_000)
  await store.due(sweep)
  await clock.advance(4_000)
  await store.due(sweep)
  await clock.advance(3_000)
  expect((await store.due(sweep)).map(({ topic }) => topic)).toEqual(['job:1'])
})

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const probe = mkdtempSync(join(tmpdir(), 'tidings-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', probe], { stdio: 'pipe' })
    execFileSync('umount', [probe])
    return true
  } catch {
    return false
  } finally {
    rmSync(probe, { recursive: true, force: true })
  }
}
