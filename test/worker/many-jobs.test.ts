import { expect, test } from 'vitest'
import { connectJobs } from '#src/worker/index.js'
import { headersOf, root, startHub } from '../http/server.js'

test('J6, J11: of 250 jobs that run in one worker each hears its cancel within a second, over three streams; then none is open', async () => {
  const { hub, url } = await startHub()
  const count = 250
  const errors: unknown[] = []
  let streams = 0
  const jobs = connectJobs({
    url,
    onError: (error) => errors.push(error),
    fetch: (input, init) => {
      if (String(input).includes('/events')) streams++
      return fetch(input, { ...init, headers: { ...(init?.headers as Record<string, string>), ...headersOf(root) } })
    },
  })
  const ids = Array.from({ length: count }, (_, nth) => `j${nth}`)
  for (const id of ids) await hub.jobs.create({ id, owner: 'user:7', kind: 'crawl' })
  const heardAt = new Map<string, number>()
  let started = 0
  let allStarted: () => void = () => {}
  const ready = new Promise<void>((resolve) => (allStarted = resolve))
  const running = ids.map((id) =>
    jobs.run(id, async (_, signal) => {
      if (++started === count) allStarted()
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      heardAt.set(id, performance.now())
    }),
  )
  await ready
  await expect.poll(() => hub.stats().connections, { timeout: 10_000 }).toBe(3)
  const cancelledAt = new Map<string, number>()
  for (const id of ids) {
    await hub.jobs.cancel(id)
    cancelledAt.set(id, performance.now())
  }
  const ended = await Promise.all(running)
  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['cancelled']))
  const delays = ids.map((id) => (heardAt.get(id) ?? Number.NaN) - (cancelledAt.get(id) ?? 0))
  expect(Math.max(...delays)).toBeLessThan(1_000)
  expect(errors).toEqual([])
  await expect.poll(() => hub.stats().connections).toBe(0)
  expect(streams).toBeLessThan(count)
  jobs.close()
}, 60_000)
