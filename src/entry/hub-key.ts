import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { type Random, randomToken } from '../random.js'
import type { Store } from '../store/store.js'

/** A namespace and a topic that no application can name: "*" is in no legal name. */
const place = { namespace: '*hub', topic: '*key' }

/** A store that lost the key is given it again, or the one that another hub made meanwhile is taken over, after this. */
const lookAgainMs = 5_000

/**
 * The hub's own signing key, kept in its store so that tokens outlive restarts. It is looked for when it is first needed: a
 * hub starts also while its store is away. What failed is tried again at the next call. While it is used it is looked at
 * again and again: were it lost with the store, a hub that started afterwards would refuse what the others have signed.
 */
export function hubKey(store: Store, random: Random, clock: Clock): () => Promise<string> {
  let found: Promise<string> | null = null
  let lookedMs = 0
  let looking = false
  const lookAgain = async (known: string): Promise<void> => {
    looking = true
    try {
      found = Promise.resolve(await findKey(store, known))
    } catch {
      // The store is away: what was known is as good as before.
    } finally {
      lookedMs = clock.monotonic()
      looking = false
    }
  }
  return () => {
    if (!found) {
      lookedMs = clock.monotonic()
      found = findKey(store, randomToken(random, 43)).catch((error: unknown) => {
        found = null
        throw error
      })
    } else if (!looking && clock.monotonic() - lookedMs >= lookAgainMs) {
      looking = true
      found.then(lookAgain, () => {
        looking = false
      })
    }
    return found
  }
}

/** What is kept, or else `value`, which is kept from now on: the first hub to ask decides. */
async function findKey(store: Store, value: string): Promise<string> {
  const { state } = await store.state(place.namespace, place.topic)
  if (state) return state.value
  const result = await store.append(place.namespace, {
    events: [],
    states: [{ topic: place.topic, expect: 0, value }],
    exempt: true,
  })
  if (result.outcome === 'stored') return value
  const winner = result.outcome === 'conflict' ? result.states[0]?.state : null
  if (!winner) throw new TidingsError('internal', `The store answered "${result.outcome}" when the hub kept its key.`)
  return winner.value
}
