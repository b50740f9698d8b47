import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, expectTypeOf, onTestFinished, test, vi } from 'vitest'
import * as z from 'zod'
import { type Client, type ClientError, createClient } from '#src/client/index.js'
import { defineEvents } from '#src/declare.js'
import { toNodeHandler } from '#src/http/node.js'
import { type Job, type TidingsEvent, createHub } from '#src/index.js'

const events = defineEvents({
  'report.updated': z.object({ rows: z.number(), at: z.iso.datetime().transform((text) => new Date(text)) }),
  'page.crawled': z.object({ url: z.string() }),
})

async function connected(): Promise<{
  readonly client: Client<typeof events>
  readonly publish: (type: string, data: unknown) => Promise<unknown>
  readonly errors: ClientError[]
}> {
  // Without the declaration, as an older node would be: what does not fit gets through to the reader.
  const hub = await createHub({ authenticate: () => ({ userId: '7', subscribe: ['report:*'] }) })
  const server = createServer(toNodeHandler(hub)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = createClient({ url: `http://127.0.0.1:${port}`, events })
  onTestFinished(async () => {
    client.close()
    await hub.close({ drainMs: 0 })
    server.close()
  })
  const errors: ClientError[] = []
  client.onError((error) => errors.push(error))
  const ready = new Promise<void>((resolve) => {
    const undo = client.status.subscribe(() => {
      if (client.status.getSnapshot().status !== 'connected') return
      undo()
      resolve()
    })
  })
  client.subscribe('report:9', {})
  await ready
  return { client, errors, publish: (type, data) => hub.publish({ topic: 'report:9', type, data }) }
}

test('E2: handlers of a client are typed by what was declared and get the output of the schemas', async () => {
  const { client, publish, errors } = await connected()
  const heard = vi.fn()
  const done = new Promise<void>((resolve) => {
    client.subscribe('report:9', {
      'report.updated': (event) => {
        expectTypeOf(event.data).toEqualTypeOf<{ rows: number; at: Date }>()
        heard(event.data)
      },
      'job.progress': (event) => expectTypeOf(event.data).toEqualTypeOf<Job>(),
      '*': (event) => {
        if (event.type === 'page.crawled') {
          expectTypeOf(event.data).toEqualTypeOf<{ url: string }>()
          resolve()
        }
      },
      // @ts-expect-error: not declared
      'report.lost': () => {},
    })
  })
  const at = '2026-11-21T08:00:00.000Z'
  await publish('report.updated', { rows: 3, at, more: 'stripped' })
  await publish('page.crawled', { url: 'a' })
  await done
  expect(heard.mock.calls).toEqual([[{ rows: 3, at: new Date(at) }]])
  expect(errors).toEqual([])
})

test('E2: an event that does not fit is reported once, reaches no handler, and the next ones go on', async () => {
  const { client, publish, errors } = await connected()
  const heard = vi.fn()
  const done = new Promise<TidingsEvent>((resolve) => {
    client.subscribe('report:9', { 'report.updated': heard, '*': heard })
    client.subscribe('report:9', { 'report.updated': heard })
    client.subscribe('report:9', { 'page.crawled': resolve })
  })
  await publish('report.updated', { rows: 'many' })
  await publish('new.type', 5)
  await publish('page.crawled', { url: 'a' })
  await done
  expect(errors).toHaveLength(1)
  expect(errors[0]).toMatchObject({ kind: 'client', cause: { code: 'event_invalid', field: 'data.rows' } })
  expect(heard.mock.calls.map(([event]) => event.type)).toEqual(['new.type', 'page.crawled'])
})

test('E2: without a declaration handlers are what they were', () => {
  const client = createClient({ url: 'http://hub.test' })
  onTestFinished(() => client.close())
  expectTypeOf(client).toEqualTypeOf<Client>()
  expectTypeOf(client.on<'anything'>)
    .parameter(1)
    .toBeCallableWith({ data: 5 } as never)
})
