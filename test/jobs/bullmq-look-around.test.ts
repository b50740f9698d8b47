import { expect, onTestFinished, test } from 'vitest'
import { TidingsError } from '#src/errors.js'
import type { Carried, Carrier } from '#src/jobs/bullmq/carrier.js'
import { LookAround } from '#src/jobs/bullmq/look-around.js'
import type { BullMQSettings } from '#src/jobs/bullmq/settings.js'
import { fakeClock } from '#src/testing/index.js'

const lookMs = 2_000

/** Jobs that run, and that the queue no longer has where they are not `active`. */
function looking(active: readonly string[], jobs: readonly string[], fails: (what: string, id: string) => unknown) {
  const clock = fakeClock()
  const done: string[] = []
  const errors: unknown[] = []
  const carried = (id: string): Carried => ({ id, lines: 0, running: true, leasedAt: 0, renewedAt: -1e9, missed: 0 })
  const say = (what: string) => async (id: string) => {
    const failure = fails(what, id)
    if (failure !== undefined) throw failure
    done.push(`${what} ${id}`)
  }
  const carrier = {
    open: new Map(jobs.map((id) => [id, carried(id)])),
    lookForLines: say('lines'),
    renew: say('renew'),
    settle: say('settle'),
  } as unknown as Carrier
  const settings = {
    core: { clock },
    logs: true,
    leaseMs: 30_000,
    lookMs,
    onError: (error: unknown) => errors.push(error),
    queue: {
      getRanges: async () => active,
      getJobState: async (id: string) => {
        await say('ask')(id)
        return active.includes(id) ? 'active' : 'unknown'
      },
    },
  } as unknown as BullMQSettings
  const lookAround = new LookAround(settings, carrier, () => true)
  onTestFinished(() => lookAround.stop())
  lookAround.start()
  const look = async (): Promise<string[]> => {
    done.length = 0
    await clock.advance(lookMs)
    return done
  }
  return { look, errors }
}

test('J10: a job that cannot be looked after keeps no other from being renewed, and is reported once', async () => {
  const { look, errors } = looking(['bad', 'good'], ['bad', 'good', 'gone'], (what, id) =>
    id === 'bad' || what === 'settle' ? new Error(`${what} ${id}`) : undefined,
  )
  for (let looks = 1; looks <= 5; looks++) {
    const done = await look()
    expect(done).toContain('renew good')
    expect(done).toContain('lines good')
  }
  expect(errors.map(String)).toEqual(['Error: renew bad', 'Error: lines bad', 'Error: settle gone'])
})

test('J10: a job is renewed before anything is asked of the queue', async () => {
  const { look } = looking([], ['one', 'two'], () => undefined)
  expect(await look()).toEqual(['renew one', 'renew two', 'ask one', 'ask two'])
})

test('S5: while the store is away a look ends with the first job, and is reported once', async () => {
  let tries = 0
  const away = new TidingsError('store_unavailable', 'The store is away.')
  const { look, errors } = looking(
    Array.from({ length: 500 }, (_, at) => String(at)),
    Array.from({ length: 500 }, (_, at) => String(at)),
    () => (tries++, away),
  )
  await look()
  await look()
  expect(errors).toEqual([away])
  expect(tries).toBeLessThan(200)
})
