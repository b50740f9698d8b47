import { expect, test } from 'vitest'
import { connectJobs } from '#src/worker/index.js'
import { headersOf, root, startHub } from '../http/server.js'

test('J6, J11: of 250 jobs that run in one worker each hears its cancel, over three streams; then none is open', async () => {
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
  const heard = new Map<string, () => void>()
  let started = 0
  let allStarted: () => void = () => {}
  const ready = new Promise<void>((resolve) => (allStarted = resolve))
  const running = ids.map((id) =>
    jobs.run(id, async (_, signal) => {
      if (++started === count) allStarted()
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      heard.get(id)?.()
    }),
  )
  await ready
  const watched = async (): Promise<number> =>
    new Set((await hub.connections.list()).connections.flatMap(({ topics }) => topics)).size
  await expect.poll(watched).toBe(count)
  await expect.poll(() => hub.stats().connections).toBe(3)
  // One after the other over all three streams, then the rest at once.
  const delays: number[] = []
  for (let nth = 0; nth < count; nth += 10) {
    const id = ids[nth] as string
    const signal = new Promise<void>((resolve) => heard.set(id, resolve))
    const cancelledAt = performance.now()
    await hub.jobs.cancel(id)
    await signal
    delays.push(performance.now() - cancelledAt)
  }
  // How long depends on what else the machine does; that nothing is waited out is told in test/client/exchange.test.ts.
  console.log('longest delay of a cancel, ms', Math.max(...delays))
  expect(Math.max(...delays)).toBeLessThan(10_000)
  await Promise.all(ids.map((id) => hub.jobs.cancel(id)))
  const ended = await Promise.all(running)
  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['cancelled']))
  expect(errors).toEqual([])
  await expect.poll(() => hub.stats().connections).toBe(0)
  expect(streams).toBeLessThan(count)
  jobs.close()
}, 120_000)
