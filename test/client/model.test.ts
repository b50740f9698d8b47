import { expect, test } from 'vitest'
import { type Client, createClient } from '#src/client/index.js'
import { type FakeClock, fakeClock } from '#src/testing/fake-clock.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { type Fault, FakeHub, type Logged } from './fake-hub.js'

const topicNames = ['a', 'b', 'user:7', 'job:1']

/** What one subscription got, and what it has a right to. */
class Listener {
  readonly got: Logged[] = []
  gaps = 0
  /** From here on everything is owed: the subscription was seen to be live. */
  owedFrom: number | null = null
  readonly undo: () => void

  constructor(client: Client, topic: string) {
    const heard = (event: unknown): void => void this.got.push(event as Logged)
    this.undo = client.subscribe(topic, { '*': heard }, { onGap: () => void this.gaps++ })
  }
}

/** One seed: a client and a hub with a bad network between them, for a while; then the weather clears. */
async function storm(seed: number, options: { forgets: boolean }) {
  const random = seededRandom(seed)
  const clock = fakeClock()
  const hub = new FakeHub(clock, random)
  const dice = (sides: number): number => Math.floor(random.fraction() * sides)
  const client = createClient({
    url: 'http://hub.test',
    fetch: hub.fetch,
    getToken: ({ refresh }) => (refresh ? 'fresh' : 'old'),
    clock,
    random: seededRandom(seed + 1_000_000),
  })
  const errors: string[] = []
  client.onError((error) => errors.push(error.kind))

  hub.fault = () => weather(dice)
  const listeners = new Map<string, Listener>()
  const truth = new Map<string, Logged[]>(topicNames.map((name) => [name, []]))
  const publish = (): void => {
    const names = dice(4) === 0 ? ['a', 'b'] : [topicNames[dice(topicNames.length)] as string]
    const event = hub.publish(names)
    for (const name of names) truth.get(name)?.push(event)
  }

  listeners.set('a', new Listener(client, 'a'))
  for (let round = 0; round < 60; round++) {
    const what = dice(20)
    const name = topicNames[dice(topicNames.length)] as string
    if (what < 9) for (let count = dice(5); count >= 0; count--) publish()
    else if (what === 9) hub.cut()
    else if (what === 10 && !listeners.has(name)) listeners.set(name, new Listener(client, name))
    else if (what === 11) clock.jump((dice(2) ? 1 : -1) * 3_600_000)
    else if (what === 12) client.reconnect()
    else if (what === 13 && options.forgets) hub.keptFrom = Math.max(hub.keptFrom, (hub.log.at(-1)?.seq ?? 0) - 3)
    else if (what === 14 && options.forgets && dice(5) === 0) hub.restartEmpty()
    else if (what === 15) hub.ping()
    else await clock.advance(dice(3) === 0 ? dice(90_000) : dice(500))
    if (hub.keptFrom > 1) hub.log = hub.log.filter(({ seq }) => seq >= hub.keptFrom)
  }

  hub.fault = () => ({})
  // A refusal that stops for good is right; the person then presses the button.
  if (client.status.getSnapshot().status === 'idle') client.connect()
  await beat(clock, hub, 130_000)
  expect(client.status.getSnapshot().status).toBe('connected')
  const last = topicNames.map((name) => ({ name, event: hub.publish(name) }))
  for (const { name, event } of last) truth.get(name)?.push(event)
  await beat(clock, hub, 1_000)
  client.close()
  await clock.advance(0)
  return { client, hub, clock, listeners, truth, errors }
}

async function beat(clock: FakeClock, hub: FakeHub, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10_000) {
    hub.ping()
    await clock.advance(Math.min(left, 10_000))
  }
}

function weather(dice: (sides: number) => number): Fault {
  const roll = dice(24)
  if (roll < 2) return { refuse: 'network' }
  if (roll === 2) return { refuse: 401 }
  if (roll === 3) return { refuse: 429 }
  if (roll === 4) return { refuse: 503 }
  if (roll === 5) return { refuse: 'silence' }
  if (roll === 6) return { refuse: 'portal' }
  if (roll < 14) return { bytes: dice(2_500), ending: (['end', 'error', 'silence'] as const)[dice(3)] as 'end' }
  return { twice: dice(3) === 0 }
}

const seeds = Array.from({ length: 60 }, (_, index) => index + 1)

test('D1, D2, D3: through any storm each subscription gets its topic in order, once, without a hole', async () => {
  for (const seed of seeds) {
    const { listeners, truth, hub, clock } = await storm(seed, { forgets: false })
    for (const [name, { got, gaps }] of listeners) {
      const all = truth.get(name) ?? []
      const expected = got.length > 0 ? all.filter(({ seq }) => seq >= (got[0]?.seq ?? 0)) : all
      expect(
        got.map(({ seq }) => seq),
        `seed ${seed}, topic ${name}`,
      ).toEqual(expected.map(({ seq }) => seq))
      expect(got.length, `seed ${seed}: the event after the storm arrived`).toBeGreaterThan(0)
      expect(gaps, `seed ${seed}`).toBe(0)
    }
    expect(hub.open, `seed ${seed}: close() leaves no stream`).toBe(0)
    expect(clock.pending, `seed ${seed}: close() leaves no timer`).toBe(0)
  }
}, 60_000)

test('D4: where the hub forgets, what is missing was told as a gap, and nothing comes twice or out of order', async () => {
  let missing = 0
  for (const seed of seeds) {
    const { listeners, truth } = await storm(seed + 500, { forgets: true })
    for (const [name, { got, gaps }] of listeners) {
      const ids = got.map(({ id }) => id)
      expect(new Set(ids).size, `seed ${seed}, topic ${name}: twice`).toBe(ids.length)
      const all = (truth.get(name) ?? []).map(({ id }) => id)
      const places = ids.map((id) => all.indexOf(id))
      expect(places, `seed ${seed}, topic ${name}: order`).toEqual([...places].sort((a, b) => a - b))
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
    const { listeners, errors, hub } = await storm(4, { forgets: true })
    return { errors, requests: hub.requests, got: [...listeners].map(([name, { got }]) => [name, got.length]) }
  }
  expect(await story()).toEqual(await story())
}, 20_000)
