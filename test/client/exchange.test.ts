import { expect, test } from 'vitest'
import { createClient } from '#src/client/index.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { headersOf, root, startHub } from '../http/server.js'

/** What every answer says to the client passes here, at once or when it is opened again: a slow way back, and nothing is lost. */
class Gate {
  #closed: Promise<void> = Promise.resolve()
  open: () => void = () => {}

  close(): void {
    this.#closed = new Promise((resolve) => (this.open = resolve))
  }

  through(response: Response): Response {
    const held = new TransformStream<Uint8Array, Uint8Array>({
      transform: async (chunk, out) => {
        await this.#closed
        out.enqueue(chunk)
      },
    })
    return new Response(response.body?.pipeThrough(held) ?? null, response)
  }
}

test('C1, J6: topics that change while the stream is exchanged cost no pause; a cancel in between is told at once, and once', async () => {
  const { hub, url } = await startHub()
  const clock = fakeClock()
  const gate = new Gate()
  let opened = 0
  const client = createClient({
    url,
    clock,
    fetch: async (input, init) => {
      const response = await fetch(input, { ...init, headers: { ...(init?.headers as object), ...headersOf(root) } })
      opened++
      return gate.through(response)
    },
  })
  const ids = ['j0', 'j1', 'j2', 'j3']
  for (const id of ids) await hub.jobs.create({ id, owner: 'user:7', kind: 'crawl' })
  const cancelled: string[] = []
  for (const id of ids) client.subscribe(`job:${id}`, { 'job.cancelled': () => cancelled.push(id) })
  const connection = (): string | null => client.status.getSnapshot().connectionId
  await clock.advance(0)
  await expect.poll(connection).not.toBeNull()
  for (const [nth, id] of ids.entries()) {
    const before = connection()
    gate.close()
    client.subscribe(`more:${nth}`, {})
    await clock.advance(50)
    await expect.poll(() => opened).toBe(2 * nth + 2)
    // The hub has ended the old stream for the new one; the client hears of neither, and lets go of the new one.
    client.subscribe(`still-more:${nth}`, {})
    await hub.jobs.cancel(id)
    gate.open()
    // No time passes.
    await expect.poll(() => cancelled).toEqual(ids.slice(0, nth + 1))
    expect(connection()).not.toBe(before)
  }
  expect(client.status.getSnapshot()).toMatchObject({ status: 'connected', attempt: 0, failures: { sse: 0, poll: 0 } })
  client.close()
})
