import { TidingsError } from './errors.js'
import { type Random, randomToken } from './random.js'
import type { Store } from './store/store.js'

/** A namespace and a topic that no application can name: "*" is in no legal name. */
const place = { namespace: '*hub', topic: '*key' }

/**
 * The hub's own signing key, kept in its store so that tokens outlive restarts. It is looked for when it is first needed: a
 * hub starts also while its store is away. What failed is tried again at the next call.
 */
export function hubKey(store: Store, random: Random): () => Promise<string> {
  let found: Promise<string> | null = null
  return () => {
    found ??= findKey(store, random).catch((error: unknown) => {
      found = null
      throw error
    })
    return found
  }
}

/** The first hub to ask makes it. */
async function findKey(store: Store, random: Random): Promise<string> {
  const { state } = await store.state(place.namespace, place.topic)
  if (state) return state.value
  const value = randomToken(random, 43)
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
