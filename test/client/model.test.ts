import { expect, test } from 'vitest'
import type { EnvironmentNews } from '#src/client/environment.js'
import { type Client, createClient } from '#src/client/index.js'
// Loaded here, so that the clients of the model have it at once.
import '#src/client/poll.js'
import { type FakeClock, fakeClock } from '#src/testing/fake-clock.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { FakeHub } from './fake-hub.js'
import type { Fault, Logged } from './fake-network.js'

const topicNames = ['a', 'b', 'user:7', 'job:1']

/** What one subscription got, and what it has a right to. */
class Listener {
  readonly got: Logged[] = []
  gaps = 0
  /** The hub refused its topic: what comes later is not for it. */
  refused = false
  readonly undo: () => void

  constructor(client: Client, topic: string) {
    const heard = (event: unknown): void => void this.got.push(event as Logged)
    const onError = (): void => void (this.refused = true)
    this.undo = client.subscribe(topic, { '*': heard }, { onGap: () => void this.gaps++, onError })
  }
}

interface Weather {
  /** The hub removes history, or begins another. */
  readonly forgets?: boolean
  /** Transports change often: by proxies that hold streams back or cut held polls, and by force. */
  readonly switches?: boolean
  readonly rounds?: number
}

/** One seed: a client and a hub with a bad network between them, for a while; then the weather clears. */
async function storm(seed: number, { forgets = false, switches = false, rounds = 60 }: Weather) {
  const random = seededRandom(seed)
  const clock = fakeClock()
  const hub = new FakeHub(clock, random)
  const dice = (sides: number): number => Math.floor(random.fraction() * sides)
  let tell = (_news: EnvironmentNews): void => {}
  const client = createClient({
    url: 'http://hub.test',
    fetch: hub.fetch,
    getToken: ({ refresh }) => (refresh ? 'fresh' : 'old'),
    environment: {
      watch: (listener) => {
        tell = listener
        return () => {}
      },
    },
    clock,
    random: seededRandom(seed + 1_000_000),
  })
  const errors: string[] = []
  client.onError((error) => errors.push(error.kind))
  let changes = 0
  let transport: string | null = null
  client.status.subscribe(() => {
    const { transport: now } = client.status.getSnapshot()
    if (now && transport && now !== transport) changes++
    transport = now ?? transport
  })

  hub.fault = () => weather(dice, switches)
  const listeners = new Map<string, Listener>()
  const truth = new Map<string, Logged[]>(topicNames.map((name) => [name, []]))
  const publish = (): void => {
    const names = dice(4) === 0 ? ['a', 'b'] : [topicNames[dice(topicNames.length)] as string]
    const event = hub.publish(names)
    for (const name of names) truth.get(name)?.push(event)
  }

  listeners.set('a', new Listener(client, 'a'))
  const turns: (() => unknown)[] = [
    () => hub.cut(),
    () => {
      const name = topicNames[dice(topicNames.length)] as string
      if (!listeners.has(name)) listeners.set(name, new Listener(client, name))
    },
    () => clock.jump((dice(2) ? 1 : -1) * 3_600_000),
    () => client.reconnect(),
    () => {
      if (forgets) hub.keptFrom = Math.max(hub.keptFrom, (hub.log.at(-1)?.seq ?? 0) - 3)
    },
    () => {
      if (forgets && dice(5) === 0) hub.restartEmpty()
    },
    () => hub.ping(),
    () => tell((['online', 'offline', 'visible', 'frozen', 'resumed'] as const)[dice(5)] as EnvironmentNews),
    () => (dice(4) === 0 ? client.disconnect() : client.connect()),
    () => void (hub.heldMs = dice(2) ? Number.POSITIVE_INFINITY : dice(20_000)),
    () => void (dice(10) === 0 ? hub.forbidden.add('b') : hub.forbidden.clear()),
    () => void (hub.buffering = dice(2) === 0),
    () => client.forceTransport((['auto', 'auto', 'sse', 'poll'] as const)[dice(4)] as 'auto'),
  ]
  for (let round = 0; round < rounds; round++) {
    const what = dice(28)
    if (what < 9) for (let count = dice(5); count >= 0; count--) publish()
    else if (what < 9 + turns.length) turns[what - 9]?.()
    else await clock.advance(dice(3) === 0 ? dice(90_000) : dice(500))
    if (switches && dice(3) === 0) {
      if (dice(2)) hub.buffering = !hub.buffering
      else client.forceTransport((['auto', 'sse', 'poll'] as const)[dice(3)] as 'auto')
      await clock.advance(dice(20_000))
    }
    if (hub.keptFrom > 1) hub.log = hub.log.filter(({ seq }) => seq >= hub.keptFrom)
  }

  hub.fault = () => ({})
  hub.buffering = false
  hub.heldMs = Number.POSITIVE_INFINITY
  hub.forbidden.clear()
  // What was wrong with the streams that are open stays wrong.
  hub.cut()
  tell('resumed')
  client.forceTransport('auto')
  // A refusal that stops for good is right; the person then presses the button. Unless nobody is left to listen.
  client.connect()
  await beat(clock, hub, 130_000)
  expect(client.status.getSnapshot(), `seed ${seed}`).toMatchObject({ status: 'connected', transport: 'sse' })
  const last = topicNames.map((name) => ({ name, event: hub.publish(name) }))
  for (const { name, event } of last) truth.get(name)?.push(event)
  await beat(clock, hub, 1_000)
  client.close()
  await clock.advance(0)
  return { client, hub, clock, listeners, truth, errors, changes }
}

async function beat(clock: FakeClock, hub: FakeHub, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10_000) {
    hub.ping()
    await clock.advance(Math.min(left, 10_000))
  }
}

function weather(dice: (sides: number) => number, mild: boolean): Fault {
  const roll = dice(mild ? 60 : 27)
  if (roll < 2) return { refuse: 'network' }
  if (roll === 2) return { refuse: 401 }
  if (roll === 3) return { refuse: 429 }
  if (roll === 4) return { refuse: 503 }
  if (roll === 5) return { refuse: 'silence' }
  if (roll === 6) return { refuse: 'portal' }
  if (roll === 7 && dice(4) === 0) return { refuse: 204 }
  if (roll < 10) return { lateMs: dice(20_000) }
  if (roll < 17) return { bytes: dice(2_500), ending: (['end', 'error', 'silence'] as const)[dice(3)] as 'end' }
  return { twice: dice(3) === 0 }
}

/** D1, D2, D3: a subscription got its topic from the first event on, in order, without a hole, none twice. */
function expectWhole({ listeners, truth, hub, clock }: Awaited<ReturnType<typeof storm>>, seed: number): void {
  for (const [name, { got, gaps, refused }] of listeners) {
    const all = truth.get(name) ?? []
    const from = got.length > 0 ? all.findIndex(({ seq }) => seq === got[0]?.seq) : 0
    const owed = refused ? all.slice(from, from + got.length) : all.slice(from)
    expect(
      got.map(({ seq }) => seq),
      `seed ${seed}, topic ${name}`,
    ).toEqual(owed.map(({ seq }) => seq))
    if (!refused) expect(got.length, `seed ${seed}: the event after the storm arrived`).toBeGreaterThan(0)
    expect(gaps, `seed ${seed}`).toBe(0)
  }
  expect(hub.open, `seed ${seed}: close() leaves no stream and no poll`).toBe(0)
  expect(clock.pending, `seed ${seed}: close() leaves no timer`).toBe(0)
}

test('D1, D2, D3: through any storm each subscription gets its topic in order, once, without a hole', async () => {
  for (let seed = 1; seed <= 60; seed++) expectWhole(await storm(seed, {}), seed)
}, 60_000)

test('C4: nothing is lost and nothing repeated in 1,000 changes between stream and polls', async () => {
  let changes = 0
  for (let seed = 10_001; changes < 1_000; seed++) {
    const result = await storm(seed, { switches: true, rounds: 120 })
    expectWhole(result, seed)
    changes += result.changes
    expect(seed, 'the weather changes transports often enough').toBeLessThan(10_200)
  }
}, 120_000)

test('D4: where the hub forgets, what is missing was told as a gap, and nothing comes twice or out of order', async () => {
  let missing = 0
  for (let seed = 501; seed <= 560; seed++) {
    const { listeners, truth } = await storm(seed, { forgets: true, switches: seed % 2 === 0 })
    for (const [name, { got, gaps, refused }] of listeners) {
      const ids = got.map(({ id }) => id)
      expect(new Set(ids).size, `seed ${seed}, topic ${name}: twice`).toBe(ids.length)
      const all = (truth.get(name) ?? []).map(({ id }) => id)
      const places = ids.map((id) => all.indexOf(id))
      expect(places, `seed ${seed}, topic ${name}: order`).toEqual([...places].sort((a, b) => a - b))
      if (refused) continue
      const holes = all.length - (places[0] ?? 0) - ids.length
      missing += holes
      if (holes > 0) expect(gaps, `seed ${seed}, topic ${name}: silent`).toBeGreaterThan(0)
    }
  }
  // The storms were bad enough for the test to mean something.
  expect(missing).toBeGreaterThan(20)
}, 60_000)

test('the same seed gives the same storm', async () => {
  const story = async () => {
    const { listeners, errors, hub, changes } = await storm(4, { forgets: true, switches: true })
    const got = [...listeners].map(([name, listener]) => [name, listener.got.length])
    return { errors, changes, requests: hub.requests, got }
  }
  expect(await story()).toEqual(await story())
}, 20_000)
