import { describe, expect, test } from 'vitest'
import { memoryStore } from '#src/index.js'
import { startHub } from './server.js'

describe('polls', () => {
  test('H3: a poll that meets a shutdown before it has a place is refused, and never told half a cursor', async () => {
    const store = memoryStore()
    let entered = (): void => {}
    const asked = new Promise<void>((resolve) => (entered = resolve))
    let answer = (): void => {}
    const held = new Promise<void>((resolve) => (answer = resolve))
    let isHeld = false
    const slow = {
      ...store,
      async head(namespace: string) {
        const position = await store.head(namespace)
        if (isHeld) {
          entered()
          await held
        }
        return position
      },
    }
    const { hub, poll } = await startHub({ store: slow })
    isHeld = true
    const polled = poll('topic=report:9')
    await asked
    const closed = hub.close({ drainMs: 50 })
    answer()
    const { status, body, headers } = await polled
    expect({ status, code: (body as unknown as { code: string }).code }).toEqual({ status: 503, code: 'draining' })
    expect(headers.get('Retry-After')).not.toBeNull()
    await closed
  })

  test('H3 [P8.4]: a poll that comes back with the newest cursor waits without a read of the log, and with an older one reads it', async () => {
    const store = memoryStore()
    let reads = 0
    const counted = {
      ...store,
      read: (...asked: Parameters<typeof store.read>) => {
        reads++
        return store.read(...asked)
      },
    }
    const { hub, poll } = await startHub({ store: counted })
    // The feed of a namespace runs while somebody reads there.
    const { cursor: first } = await hub.publish({ topic: 'report:1', type: 'saved' })
    await hub.subscribe(['report:1'], { since: 'start' }).next()
    reads = 0
    const held = poll(`topic=report:9&wait=20&since=${first}`)
    await expect.poll(() => hub.connections.list({ transport: 'poll' })).toMatchObject({ connections: [{}] })
    const { id, cursor } = await hub.publish({ topic: 'report:9', type: 'saved' })
    expect((await held).body).toMatchObject({ events: [{ id }], cursor, upToDate: true })
    expect(reads).toBe(0)
    expect((await poll(`topic=report:9&since=${first}`)).body).toMatchObject({ events: [{ id }], cursor })
    expect(reads).toBeGreaterThan(0)
  })
})
