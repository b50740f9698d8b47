import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { findRoute } from '#src/http/route-table.js'
import { Compressor } from '#src/http/compress.js'
import { createDashboard } from '#src/dashboard/index.js'
import { incomingOf } from '#src/auth/incoming.js'
import { startHub } from './server.js'

test('T7, H8: what is the same for everybody is compressed once, and anything else each time', async () => {
  const compressor = new Compressor()
  const body = 'the same text '.repeat(1_000)
  const constant = { body, constant: true } as const
  const [first, second] = [await compressor.compress(constant, 'br'), await compressor.compress(constant, 'br')]
  expect(second).toBe(first)
  expect(brotliDecompressSync(first).toString()).toBe(body)
  expect(gunzipSync(await compressor.compress(constant, 'gzip')).toString()).toBe(body)
  const other = await compressor.compress({ body }, 'br')
  expect(other).not.toBe(first)
  expect(brotliDecompressSync(other).toString()).toBe(body)
})

test('T7: what is the same for everybody is still known for it when it is sent', async () => {
  const { hub } = await startHub({ dashboard: createDashboard() })
  const { handler } = hub.internals
  const [file] = /[\w-]+\.js/.exec(await (await hub.fetch(new Request('http://localhost/dashboard'))).text()) ?? []
  for (const path of ['openapi.json', `dashboard/${file}`]) {
    const asked = incomingOf(new Request(`http://localhost/${path}`))
    const nobody = { stream: () => expect.unreachable(), answer: () => expect.unreachable() }
    expect(await handler.handle(asked, nobody)).toMatchObject({ status: 200, constant: true })
  }
})

test('T7, H8: what is sent as it is lies in memory once where it is the same for everybody', () => {
  const compressor = new Compressor()
  const body = 'the same text'
  expect(compressor.plain({ body, constant: true })).toEqual(Buffer.from(body))
  expect(compressor.plain({ body, constant: true })).toBe(compressor.plain({ body, constant: true }))
  expect(compressor.plain({ body })).toBe(body)
})

test('T7: what is large and open to everybody is constant: the description and the files of the dashboard', () => {
  expect(findRoute(['openapi.json'])?.methods.GET?.({} as never)).toMatchObject({ constant: true })
  const dashboard = createDashboard()
  const asked = incomingOf(new Request('http://localhost/dashboard'))
  const files = dashboard.answer(asked, '')?.body?.match(/[\w-]+\.(?:js|css)/g) ?? []
  expect(files.length).toBeGreaterThan(0)
  for (const file of files) expect(dashboard.answer(asked, file)).toMatchObject({ constant: true })
})
