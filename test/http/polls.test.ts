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
})
