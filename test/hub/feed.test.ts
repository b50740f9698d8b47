import { describe, expect, test } from 'vitest'
import { memoryStore } from '#src/store/memory.js'
import type { Follower, Store } from '#src/store/store.js'
import { connect, coreOver } from './core.js'

/** A store whose feed loses what a test says, as a cut subscriber connection would; everything else is real. */
function lossyFeed(): { store: Store; lose(count: number): void; interrupt(): void } {
  const real = memoryStore({ retention: { events: 10_000 } })
  let toLose = 0
  let followers: Follower[] = []
  const store = new Proxy(real, {
    get(target, name) {
      if (name !== 'follow')
        return typeof (target as any)[name] === 'function' ? (target as any)[name].bind(target) : (target as any)[name]
      return async (namespace: string, follower: Follower) => {
        followers.push(follower)
        const following = await target.follow(namespace, {
          announced: (announcements) => {
            const kept = announcements.filter(() => toLose-- <= 0)
            if (kept.length > 0) follower.announced(kept)
          },
          interrupted: () => follower.interrupted(),
          probed: (position) => follower.probed(position),
        })
        return following
      }
    },
  })
  return {
    store,
    lose: (count) => {
      toLose = count
    },
    interrupt: () => {
      for (const follower of followers) follower.interrupted()
    },
  }
}

describe('the feed and its watermark', () => {
  test('D2: announcements lost on the way are noticed by the next one, and readers read the stretch', async () => {
    const { store, lose } = lossyFeed()
    const core = await coreOver(store)
    const { outlet } = await connect(core, { topics: ['t'] })
    for (let index = 0; index < 50; index++) {
      if (index % 7 === 3) lose(2)
      await core.publish('default', [{ topic: 't', type: 'n', data: index }], false)
    }
    lose(0)
    await core.publish('default', [{ topic: 'other', type: 'n', data: null }], false)
    await outlet.until(() => outlet.events().length === 50)
    expect(outlet.events().map((event) => event.data)).toEqual(Array.from({ length: 50 }, (_, index) => index))
    await core.close(0)
  })

  test('D7: the watermark does not run ahead of a feed that was interrupted, and the probe makes it whole', async () => {
    const { store, lose, interrupt } = lossyFeed()
    const core = await coreOver(store)
    const { connection, outlet } = await connect(core, { topics: ['t'] })
    lose(3)
    for (let index = 0; index < 3; index++)
      await core.publish('default', [{ topic: 't', type: 'n', data: index }], false)
    expect(connection?.cursor?.seq).toBe(0)
    lose(0)
    interrupt()
    await outlet.until(() => outlet.events().length === 3)
    await core.publish('default', [{ topic: 't', type: 'n', data: 3 }], false)
    await outlet.until(() => outlet.events().length === 4)
    expect(connection?.live).toBe(true)
    expect(connection?.cursor?.seq).toBe(4)
    await core.close(0)
  })
})
