import type { Diagnosis } from './credential.js'
import { type Finding, bad, note, ok, skipped, warning } from './finding.js'

/** Whether what was acknowledged survives, by how the store is run. */
export function checkStore({ store }: Diagnosis): Finding[] {
  if (!store) return [skipped('store', 'How the store is run is told to administrators only.')]
  if (!store.available) return [bad('store', 'The store is away.', 'Look at the log of the hub and at the store.')]
  const facts = store.facts ?? {}
  if (store.kind === 'memory')
    return [
      warning(
        'store-memory',
        'Events live in the memory of the hub: a restart loses them.',
        'Use --store sqlite:<file> or --store redis://…',
      ),
    ]
  if (store.kind === 'sqlite') {
    return facts.synchronous === 'normal'
      ? [
          warning(
            'store-sync',
            'SQLite is not synced at each commit: a power cut loses the newest events.',
            'Leave out --synchronous normal.',
          ),
        ]
      : [ok('store', 'SQLite, synced at each commit: what was acknowledged survives a power cut.')]
  }
  if (store.kind !== 'redis') return [ok('store', `The store is ${store.kind}.`)]
  return redisFindings(facts)
}

function redisFindings(facts: NonNullable<NonNullable<Diagnosis['store']>['facts']>): Finding[] {
  const { maxmemoryPolicy, appendonly, appendfsync, save } = facts
  if (maxmemoryPolicy === undefined && appendonly === undefined)
    return [note('store', 'Redis does not tell this account how it is run (CONFIG GET).')]
  const found: Finding[] = []
  if (maxmemoryPolicy !== undefined && maxmemoryPolicy !== 'noeviction') {
    found.push(
      bad(
        'redis-eviction',
        `Redis may throw away kept events when its memory is full (maxmemory-policy ${String(maxmemoryPolicy)}).`,
        'redis.conf: maxmemory-policy noeviction',
      ),
    )
  }
  if (appendonly === 'no' && (save === '' || save === undefined))
    found.push(bad('redis-persistence', 'Redis keeps nothing over a restart.', 'redis.conf: appendonly yes'))
  else if (appendonly === 'no')
    found.push(
      warning(
        'redis-persistence',
        'Redis writes snapshots only: a crash loses what came since the last.',
        'redis.conf: appendonly yes',
      ),
    )
  else if (appendfsync === 'no')
    found.push(
      warning(
        'redis-persistence',
        'Redis leaves syncing to the system: a power cut may lose half a minute.',
        'redis.conf: appendfsync everysec',
      ),
    )
  return found.length > 0 ? found : [ok('store', 'Redis keeps what it acknowledged, and throws nothing away.')]
}
