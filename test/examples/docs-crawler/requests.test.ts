import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readCrawlRequest } from '../../../examples/docs-crawler/dist/api.js'
import { readSecret } from '../../../examples/docs-crawler/dist/secret.js'
import { defaultSettings, readSettings } from '../../../examples/docs-crawler/dist/settings.js'

test('X1: a wrong address or limit is refused with the field at fault', () => {
  const refusal = (body: Record<string, unknown>): unknown => {
    try {
      return readCrawlRequest(body, false)
    } catch (error) {
      const { status, code, field } = error as { status: number; code: string; field: string }
      return `${status} ${code} ${field}`
    }
  }
  for (const url of ['', '   ', 'ftp://a.example/', 'http://', 'javascript:alert(1)', 'https://a.example/x.zip', 7]) {
    expect([url, refusal({ url })]).toEqual([url, '400 url_invalid url'])
  }
  for (const url of ['http://127.0.0.1/', 'localhost:3000', 'http://[::1]/'])
    expect([url, refusal({ url })]).toEqual([url, '400 address_refused url'])
  const url = 'https://docs.example.com/'
  for (const maxDepth of [-1, 1.5, 21, '3', true]) expect(refusal({ url, maxDepth })).toBe('400 limit_invalid maxDepth')
  for (const maxPages of [0, 5_001, 'all']) expect(refusal({ url, maxPages })).toBe('400 limit_invalid maxPages')
  expect(refusal({ url: ' docs.example.com ' })).toEqual({ url, maxDepth: 3, maxPages: 100 })
  for (const [given, address] of [
    ['localhost:3000/docs', 'http://localhost:3000/docs'],
    ['127.0.0.1:3000', 'http://127.0.0.1:3000/'],
    ['localhost.example.com', 'https://localhost.example.com/'],
  ] as const)
    expect(readCrawlRequest({ url: given }, true)).toMatchObject({ url: address })
})

test('X1: options of the command line are checked by name', () => {
  expect(readSettings([])).toEqual(defaultSettings)
  expect(readSettings(['--port', '0', '--allow-loopback', '--delay-ms=5'])).toMatchObject({
    port: 0,
    allowLoopback: true,
    delayMs: 5,
  })
  expect(readSettings(['-h'])).toBe('help')
  expect(() => readSettings(['--port', 'x'])).toThrow('--port must be a whole number from 0 to 65535, not "x".')
  expect(() => readSettings(['--workers', '0'])).toThrow('--workers')
  expect(() => readSettings(['--no-such'])).toThrow('--no-such')
})

test('X1: the secret of the cookies is made once, for the owner’s eyes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'docs-crawler-'))
  const secret = readSecret(folder, {})
  expect(secret.length).toBeGreaterThanOrEqual(43)
  expect(readSecret(folder, {})).toBe(secret)
  expect(statSync(join(folder, 'secret')).mode & 0o777).toBe(0o600)
  expect(() => readSecret(folder, { CRAWLER_SECRET: 'short' })).toThrow('CRAWLER_SECRET')
  rmSync(folder, { recursive: true })
})
