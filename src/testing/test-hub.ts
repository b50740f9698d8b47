import { createClient, type Client, type ClientOptions } from '../client/index.js'
import { createHub, type Hub, type HubOptions } from '../index.js'
import type { MaybeDeclared } from '../protocol/declared-events.js'
import { memoryStore } from '../store/memory.js'
import { type FakeClock, fakeClock } from './fake-clock.js'
import { seededRandom } from './seeded-random.js'

export interface TestHubOptions<Declared extends MaybeDeclared = undefined>
  extends Omit<HubOptions<Declared>, 'clock' | 'random' | 'store'> {
  /** What happens by chance, happens the same again with the same seed. Default 1. */
  readonly seed?: number
  /** Unix ms at which the clock stands; default 2026-01-01. */
  readonly startMs?: number
}

export interface TestHub<Declared extends MaybeDeclared = undefined> {
  readonly hub: Hub<Declared>
  /** The time of the hub and of its clients: leases, heartbeats, retention and backoff wait for `clock.advance`. */
  readonly clock: FakeClock
  /**
   * A client of this hub in this process, without a socket, on the same clock. `as`: the development user. What a test says
   * of `fetch` is asked instead of the hub. Closed with the hub.
   */
  client(
    options?: Partial<ClientOptions<Declared>> & {
      readonly as?: { readonly userId: string; readonly roles?: readonly string[] }
    },
  ): Client<Declared>
  /** Closes the clients and the hub at once. */
  close(): Promise<void>
}

/**
 * A hub for a test of your own: in memory, on a clock that stands still until the test moves it, with development users and
 * no limits unless `options` say otherwise (O7). Rejects as `createHub` does.
 */
export async function testHub<Declared extends MaybeDeclared = undefined>(
  options: TestHubOptions<Declared> = {},
): Promise<TestHub<Declared>> {
  const { seed = 1, startMs, ...given } = options
  const clock = fakeClock(startMs)
  const random = seededRandom(seed)
  const store = memoryStore({ clock, random })
  const hub = await createHub<Declared>({
    development: true,
    limits: null,
    ...given,
    store,
    clock,
    random,
  } as HubOptions<Declared>)
  const clients = new Set<Client<Declared>>()
  return {
    hub,
    clock,
    client({ as, ...rest } = {}) {
      const ask = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
        const url = new URL(input instanceof Request ? input.url : input)
        if (as) url.searchParams.set('userId', as.userId)
        if (as?.roles) url.searchParams.set('roles', as.roles.join(','))
        return await hub.fetch(new Request(url, init))
      }
      const client = createClient<Declared>({
        url: 'http://localhost',
        fetch: ask,
        clock,
        random,
        ...rest,
      } as ClientOptions<Declared>)
      clients.add(client)
      return client
    },
    async close() {
      for (const client of clients) client.close()
      await hub.close({ drainMs: 0 })
    },
  }
}
