import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { countId, countUpdate } from '../../../examples/docs-crawler/dist/count.js'
import { Crawls } from '../../../examples/docs-crawler/dist/crawls.js'
import { openDatabase } from '../../../examples/docs-crawler/dist/database.js'
import { Dispatcher } from '../../../examples/docs-crawler/dist/dispatcher.js'
import type { Outcome } from '../../../examples/docs-crawler/dist/fetch-page.js'
import { Pacing } from '../../../examples/docs-crawler/dist/pacing.js'
import { Pages, type TakenPage } from '../../../examples/docs-crawler/dist/pages.js'

const takenMs = 30_000
const done = (...links: string[]): Outcome => ({ state: 'done', title: 'T', markdown: '# T\n', links, bytes: 10 })

let folder: string
let database: Awaited<ReturnType<typeof openDatabase>>
let crawls: Crawls
let pages: Pages
let now = 0

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'docs-crawler-'))
  database = await openDatabase(join(folder, 'crawler.db'))
  crawls = new Crawls(database)
  now = 1_000_000
  pages = new Pages(database, takenMs, () => now)
})
afterEach(() => {
  database.close()
  rmSync(folder, { recursive: true })
})

function begin(id: string, { maxDepth = 3, maxPages = 10, url = 'http://a.example/' } = {}): void {
  crawls.add({ id, owner: 'ada', url, maxDepth, maxPages, createdAt: now })
  pages.seed(id, url)
}
function take(id: string): TakenPage {
  return pages.take(id, pages.nextToRead(id)?.number as number) as TakenPage
}

test('X1: a page taken by a dead worker is taken again after its time, and the dead one’s word counts no more', () => {
  begin('c')
  const first = take('c')
  expect(pages.nextToRead('c')).toBeNull()
  now += takenMs
  const second = take('c')
  expect([first.takes, second.takes]).toEqual([1, 2])
  expect(pages.finish('c', 1, first.takes, done('http://a.example/x'), 5)).toBeNull()
  expect(pages.finish('c', 1, second.takes, done(), 5)).toMatchObject({ state: 'done', found: 0 })
})

test('X1: a worker that is still at it keeps its page', () => {
  begin('c')
  const { takes } = take('c')
  now += takenMs - 1
  expect(pages.keep('c', 1, takes)).toBe(true)
  now += takenMs - 1
  expect(pages.nextToRead('c')).toBeNull()
  now += 1
  take('c')
  expect(pages.keep('c', 1, takes)).toBe(false)
})

test('X1: each page is found by exactly one other, within the limits of depth and number', () => {
  begin('c', { maxDepth: 1, maxPages: 4 })
  const links = ['http://a.example/', 'http://a.example/1', 'http://a.example/2']
  expect(pages.finish('c', 1, take('c').takes, done(...links), 5)?.found).toBe(2)
  const one = take('c')
  const two = take('c')
  expect(pages.finish('c', one.number, one.takes, done('http://a.example/deeper'), 5)?.found).toBe(0)
  // A redirect is no deeper than the page it stands for.
  const moved: Outcome = { state: 'skipped', reason: 'redirects', redirect: 'http://a.example/3' }
  expect(pages.finish('c', two.number, two.takes, moved, 5)?.found).toBe(1)
  expect(pages.statistics('c')).toMatchObject({ discovered: 4, processed: 2, skipped: 1, deepest: 1 })
})

test('X1: a page that was read but not counted is counted by another worker, with the same words under the same id', () => {
  begin('c')
  const taken = take('c')
  const page = pages.finish('c', 1, taken.takes, done('http://a.example/1'), 5)
  expect(pages.takeUncounted('c')).toBeNull()
  now += takenMs
  const again = pages.takeUncounted('c') as TakenPage
  expect(countUpdate(again)).toEqual(countUpdate(page as TakenPage))
  expect(JSON.stringify(countUpdate(again))).toBe(JSON.stringify(countUpdate(page as TakenPage)))
  expect(countUpdate(again).increment).toEqual({ processed: 1, discovered: 1 })
  expect(countId('c', again)).toBe('c:1')
  pages.counted('c', [1])
  now += takenMs
  expect(pages.takeUncounted('c')).toBeNull()
})

test('X1: a crawl is finished when every page is read and counted', () => {
  begin('c')
  const { takes } = take('c')
  expect(pages.isFinished('c')).toBe(false)
  pages.finish('c', 1, takes, { state: 'failed', reason: 'no' }, 5)
  expect(pages.isFinished('c')).toBe(false)
  pages.counted('c', [1])
  expect(pages.isFinished('c')).toBe(true)
})

test('X1: the list is read on from the last change seen', () => {
  begin('c')
  const first = pages.changedSince('c', 0)
  expect(first.pages.map(({ state }) => state)).toEqual(['queued'])
  expect(pages.changedSince('c', first.change).pages).toEqual([])
  pages.finish('c', 1, take('c').takes, done('http://a.example/1', 'http://a.example/2'), 5)
  const next = pages.changedSince('c', first.change, 2)
  expect(next).toMatchObject({ more: true, pages: [{ number: 2 }, { number: 3 }] })
  expect(pages.changedSince('c', next.change)).toMatchObject({ more: false, pages: [{ number: 1, state: 'done' }] })
})

test('X1: crawls take turns, and a host is asked no faster than it should be', async () => {
  begin('a', { url: 'http://a.example/' })
  begin('b', { url: 'http://b.example/' })
  for (const id of ['a', 'b']) {
    pages.finish(id, 1, take(id).takes, done(`http://${id}.example/1`, `http://${id}.example/2`), 5)
    pages.counted(id, [1])
  }
  const pacing = new Pacing(100, () => now)
  const dispatcher = new Dispatcher(crawls, pages, pacing)
  const { signal } = new AbortController()
  const turns = [(await dispatcher.next(signal))?.page.crawl, (await dispatcher.next(signal))?.page.crawl]
  expect(turns.sort()).toEqual(['a', 'b'])
  const late = new AbortController()
  const third = dispatcher.next(late.signal)
  late.abort()
  expect(await third).toBeNull()
  now += 100
  expect((await dispatcher.next(signal))?.kind).toBe('read')
})

test('X1: a site’s own wish for a pause is honoured', () => {
  const pacing = new Pacing(10, () => now)
  pacing.asks('a.example', 2_000)
  expect(pacing.take('a.example')).toBe(0)
  expect(pacing.take('a.example')).toBe(2_000)
  expect(pacing.take('b.example')).toBe(0)
  now += 500
  expect(pacing.take('a.example')).toBe(1_500)
  expect(pacing.take('b.example')).toBe(0)
})

test('X1: a page that ends every worker that reads it has failed, and is counted like any other', async () => {
  begin('c')
  const dispatcher = new Dispatcher(crawls, pages, new Pacing(0, () => now))
  const { signal } = new AbortController()
  for (let worker = 1; worker <= 4; worker++) {
    expect((await dispatcher.next(signal))?.kind).toBe('read')
    now += takenMs
  }
  const last = await dispatcher.next(signal)
  expect(last).toMatchObject({ kind: 'count', page: { state: 'failed', number: 1 } })
  expect(countUpdate(last?.page as TakenPage).increment).toEqual({ failed: 1 })
})
