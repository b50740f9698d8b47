import { describe, expect, onTestFinished, test } from 'vitest'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryStore } from '#src/index.js'
import { sqliteStore } from '#src/store/sqlite.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { type IsolationReport, runIsolation } from './isolation.js'
import { storeOn } from './redis-bench.js'

function checkReport(report: IsolationReport): void {
  const { violations, errors, ...rest } = report
  console.log(JSON.stringify(rest))
  expect(violations).toEqual([])
  expect(errors).toEqual([])
  // It proves nothing where nothing was received.
  expect(hasReceived(report)).toBe(true)
}

const hasReceived = ({ bytes, sightings, streams, attempts, looks }: IsolationReport): boolean =>
  bytes >= 100_000 && sightings >= 300 && streams >= 20 && attempts >= 20 && looks >= 5
const isFoundOut = ({ violations }: IsolationReport): boolean => violations.length > 0

describe('isolation: every byte that anybody receives is one they may have', () => {
  test.skipIf(noRedis)('A3, A5, I13: 200 people in 20 namespaces, on three nodes with one Redis', async () => {
    const { url } = await redisForTest()
    const stores = [url, url, url].map((one) => storeOn(one))
    checkReport(await runIsolation({ seed: 1, durationMs: 6_000, enough: hasReceived, stores }))
  })

  test('A3, A5, I13: the same on one node with SQLite', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-isolation-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const stores = [sqliteStore(join(folder, 'hub.db'))]
    checkReport(await runIsolation({ seed: 2, durationMs: 4_000, enough: hasReceived, stores }))
  })

  test('a hub that lets people read what is not theirs is found out', async () => {
    const authorize = (_: unknown, action: string) => (action === 'subscribe' ? true : undefined)
    const report = await runIsolation({
      seed: 3,
      durationMs: 4_000,
      enough: isFoundOut,
      namespaces: 2,
      stores: [memoryStore()],
      hub: { authorize },
    })
    expect(report.violations.length).toBeGreaterThan(0)
  })

  test('a hub that takes one request in fifty for one of another namespace is found out', async () => {
    let asked = 0
    const authenticate = (request: Request) => {
      const { person, sessionId } = JSON.parse(request.headers.get('x-session') ?? 'null') ?? {}
      if (person === undefined) return null
      const [namespace, userId] = person.split('/')
      return { namespace: ++asked % 50 === 0 ? 'tenant-0' : namespace, userId, sessionId }
    }
    const report = await runIsolation({
      seed: 4,
      durationMs: 4_000,
      enough: isFoundOut,
      namespaces: 2,
      stores: [memoryStore()],
      hub: { authenticate },
    })
    expect(report.violations.length).toBeGreaterThan(0)
  })

  test('a hub that does not end what was revoked is found out', async () => {
    const report = await runIsolation({
      seed: 5,
      durationMs: 2_500,
      stores: [memoryStore()],
      namespaces: 2,
      forgetsRevocations: true,
    })
    expect(report.violations.some((text) => text.includes('revoked'))).toBe(true)
  })
})
