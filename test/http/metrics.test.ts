import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Session } from '#src/auth/session.js'
import { catalogue } from '#src/hub/figures/catalogue.js'
import { memoryStore } from '#src/store/memory.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { freePorts } from '../fixtures/free-port.js'
import { startHub } from './server.js'

const admin: Session = { userId: 'boss', admin: true, subscribe: ['*'], publish: ['*'] }
const promtool = '/usr/bin/promtool'
const prometheus = '/usr/bin/prometheus'

/** Values by name and labels. */
function parse(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

async function busyHub(options: Parameters<typeof startHub>[0] = {}) {
  const started = await startHub(options)
  const { publish, stream, call, poll, hub } = started
  const reader = await stream({ as: admin, topics: ['news', 'all'] })
  const hello = await reader.control('hello')
  for (let index = 0; index < 4; index++) await publish({ topic: 'news', type: `t${index}`, data: index }, admin)
  await publish({ to: { all: true }, type: 'b', data: 1 }, admin)
  for (let index = 0; index < 5; index++) await reader.next()
  const back = await stream({ as: admin, topics: ['news'], query: { since: hello['cursor'] as string } })
  await back.next()
  await back.close()
  await poll('topic=news&since=start', { as: admin })
  await call('/nothing', { as: admin })
  await call('/stats', { as: null })
  const { job } = await hub.jobs.create({ owner: 'user:boss', kind: 'x' })
  await job.complete()
  await expect.poll(() => hub.stats().connections).toBe(1)
  return started
}

test('O3 [P11.17]: /metrics counts what happened, with reasons', async () => {
  const { call, hub } = await busyHub()
  const { status, headers, body } = await call<string>('/metrics', { as: admin })
  expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  const values = parse(body)
  const of = (name: string) => values.get(name)
  expect(of('tidings_connections{state="connected",transport="sse"}')).toBe(1)
  expect(of('tidings_connections_opened_total{transport="sse"}')).toBe(2)
  expect(of('tidings_connections_opened_total{transport="poll"}')).toBe(1)
  expect(of('tidings_connections_closed_total{reason="gone"}')).toBe(2)
  // The reader that is left has two topics. The hub's own timers: at least the wheel's and the charts'.
  expect(of('tidings_topic_subscriptions')).toBe(2)
  expect(of('tidings_clock_timers')).toBeGreaterThanOrEqual(2)
  expect(of('tidings_streams_returned_total')).toBe(1)
  expect(of('tidings_streams_resumed_total')).toBe(1)
  expect(of('tidings_events_published_total')).toBe(5)
  expect(of('tidings_broadcasts_total')).toBe(1)
  expect(of('tidings_jobs_total{status="completed"}')).toBe(1)
  expect(of('tidings_requests_refused_total{code="not_found"}')).toBe(1)
  expect(of('tidings_requests_refused_total{code="unauthorized"}')).toBe(1)
  expect(of('tidings_delivery_seconds_count')).toBe(5)
  expect(of('tidings_delivery_seconds_bucket{le="+Inf"}')).toBe(5)
  expect(of('tidings_connect_seconds_count')).toBe(2)
  expect(of('tidings_events_delivered_total')).toBe(hub.stats().delivered)
  expect(of('tidings_memory_bytes{kind="resident"}')).toBeGreaterThan(1e7)
})

test('O3 D3: /metrics tells what the store keeps, jobs by status and the window of ids, all namespaces together', async () => {
  const clock = fakeClock()
  const store = memoryStore({ clock, quotaBytes: 10_000, idWindow: { ids: 4 } })
  const { call, hub } = await startHub({ clock, store })
  const scrape = async () => {
    await clock.advance(5_000)
    return parse((await call<string>('/metrics', { as: admin })).body)
  }
  await hub.publish({ topic: 'news', type: 'a', data: 'x'.repeat(4_000) })
  await hub.publish({ topics: ['news', 'other'], type: 'a', data: 1 }, { namespace: 'elsewhere' })
  const first = await scrape()
  expect(first.get('tidings_kept_events')).toBe(2)
  expect(first.get('tidings_kept_topics')).toBe(3)
  expect(first.get('tidings_kept_quota_ratio')).toBeGreaterThan(0.4)
  expect(first.get('tidings_kept_quota_ratio')).toBeLessThan(0.5)
  expect(first.get('tidings_kept_ids')).toBe(2)
  expect(first.get('tidings_id_window_seconds')).toBe(300)
  expect(first.get('tidings_jobs{status="queued"}')).toBe(0)

  const { job } = await hub.jobs.create({ owner: 'user:boss', kind: 'x' })
  await hub.jobs.create({ owner: 'user:boss', kind: 'x' })
  await job.increment({ processed: 1 })
  const then = await scrape()
  expect(then.get('tidings_jobs{status="queued"}')).toBe(1)
  expect(then.get('tidings_jobs{status="running"}')).toBe(1)
  expect([then.get('tidings_leases'), then.get('tidings_deadlines')]).toEqual([1, 1])
  // More than four ids within some seconds: the window is no longer five minutes.
  expect(then.get('tidings_id_window_seconds')).toBeLessThan(60)
  await job.complete()
  const last = await scrape()
  expect([last.get('tidings_jobs{status="running"}'), last.get('tidings_jobs{status="completed"}')]).toEqual([0, 1])
  expect(last.get('tidings_leases')).toBe(0)
})

test('O3: a store that cannot tell, or not within a second, leaves its lines out of /metrics', async () => {
  const clock = fakeClock()
  const { holdings: _, ...plain } = memoryStore({ clock })
  const without = await startHub({ clock, store: plain })
  expect((await without.call<string>('/metrics', { as: admin })).body).not.toMatch(/^tidings_kept_events \d/m)
  expect((await without.call<{ kept: unknown }>('/stats', { as: admin })).body.kept).toBeNull()
  let asked = 0
  const silent = () => {
    asked++
    return new Promise<never>(() => undefined)
  }
  const slow = await startHub({ clock, store: { ...memoryStore({ clock }), holdings: { of: silent, ofAll: silent } } })
  const answer = slow.call<string>('/metrics', { as: admin })
  await expect.poll(() => asked).toBe(1)
  await clock.advance(1_000)
  expect((await answer).body).not.toMatch(/^tidings_kept_events \d/m)
})

test('O3: every metric of the catalogue is there with its help and type, and no label comes from what people send', async () => {
  const { call } = await busyHub()
  const { body } = await call<string>('/metrics', { as: admin })
  for (const { name, type, help } of catalogue) {
    expect(body).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`)
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter'])
  }
  const labels = new Set([...body.matchAll(/[{,](\w+)="/g)].map(([, label]) => label))
  expect([...labels].sort()).toEqual(['code', 'kind', 'le', 'reason', 'state', 'status', 'store', 'transport'])
  expect(body).not.toMatch(/boss|news|127\.0\.0\.1|default/)
})

test('O3 [P11.17]: metrics: open lets a scraper in without a credential, and nothing else does', async () => {
  const open = await startHub({ metrics: 'open' })
  expect((await open.call('/metrics', { as: null })).status).toBe(200)
  expect((await open.call('/stats', { as: null })).status).toBe(401)
  const shut = await startHub()
  expect((await shut.call('/metrics', { as: null })).status).toBe(401)
  expect((await shut.call('/metrics', { as: { userId: '7' } })).status).toBe(403)
  await expect(startHub({ metrics: 'public' as 'open' })).rejects.toMatchObject({
    code: 'option_invalid',
    field: 'metrics',
  })
})

describe.skipIf(!existsSync(promtool))('with Prometheus', () => {
  test('O3: promtool finds nothing to say about the metrics', async () => {
    const { call } = await busyHub()
    const { body } = await call<string>('/metrics', { as: admin })
    expect(execFileSync(promtool, ['check', 'metrics'], { input: body, encoding: 'utf8' })).toBe('')
    expect(() =>
      execFileSync(promtool, ['check', 'metrics'], {
        input: body.replace('# TYPE tidings_info gauge\n', '# TYPE tidings_info counter\n'),
        stdio: 'pipe',
      }),
    ).toThrow()
  })

  test('O3: a real Prometheus scrapes a hub and answers a query', async () => {
    const { port, publish } = await busyHub({ metrics: 'open' })
    await publish({ topic: 'news', type: 'x', data: 1 }, admin)
    const folder = mkdtempSync(join(tmpdir(), 'tidings-prometheus-'))
    writeFileSync(
      join(folder, 'prometheus.yml'),
      `global:\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\nscrape_configs:\n  - job_name: tidings\n    static_configs:\n      - targets: ['127.0.0.1:${port}']\n`,
    )
    const [own] = await freePorts(1)
    const child = spawn(
      prometheus,
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${own}`,
        '--log.level=error',
      ],
      { stdio: 'ignore' },
    )
    onTestFinished(() => end(child, folder))
    const ask = async (query: string): Promise<unknown> => {
      const response = await fetch(`http://127.0.0.1:${own}/api/v1/query?query=${encodeURIComponent(query)}`).catch(
        () => null,
      )
      const answer = response?.ok
        ? ((await response.json()) as { data: { result: { value: [number, string] }[] } })
        : null
      return answer?.data.result[0]?.value[1]
    }
    await expect.poll(() => ask('tidings_events_published_total{job="tidings"}'), { interval: 200 }).toBe('6')
    // One scrape may fail, within 200 ms; the next does not.
    await expect.poll(() => ask('up{job="tidings"}')).toBe('1')
    const p99 = async () => Number(await ask('histogram_quantile(0.99, tidings_delivery_seconds_bucket)'))
    await expect.poll(p99).toBeGreaterThan(0)
  })
})

async function end(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  rmSync(folder, { recursive: true, force: true })
}
