import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fetch } from 'undici'
import { expect, test } from 'vitest'
import {
  AddressRefused,
  checkHost,
  guardedAgent,
  isAllowedAddress,
} from '../../../examples/docs-crawler/dist/address-guard.js'

const local = ['127.0.0.1', '127.9.9.9', '10.1.2.3', '172.16.0.1', '192.168.1.1', '::1', 'fd00::1', '::ffff:127.0.0.1']
const never = [
  '169.254.169.254',
  '0.0.0.0',
  '100.64.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  'fe80::1',
  'ff02::1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  '::ffff:169.254.169.254',
  'example.com',
  '',
]
const open = ['93.184.215.14', '1.1.1.1', '172.32.0.1', '2606:4700:4700::1111']

test('X1: addresses of this machine and of private networks are read only where that is allowed', () => {
  for (const address of local)
    expect([address, isAllowedAddress(address, false), isAllowedAddress(address, true)]).toEqual([address, false, true])
  for (const address of never) expect([address, isAllowedAddress(address, true)]).toEqual([address, false])
  for (const address of open) expect([address, isAllowedAddress(address, false)]).toEqual([address, true])
})

test('X1: an address in any spelling is refused before anything is queued', () => {
  for (const host of ['127.1', '0x7f.0.0.1', '2130706433', '[::1]', '[::ffff:7f00:1]', 'localhost', 'docs.localhost']) {
    expect(() => checkHost(new URL(`http://${host}/`), false), host).toThrow(AddressRefused)
  }
  expect(() => checkHost(new URL('http://localhost/'), true)).not.toThrow()
  expect(() => checkHost(new URL('http://169.254.169.254/'), true)).toThrow(AddressRefused)
})

test('X1: what is connected to is the address that was checked, for names and for literal addresses', async () => {
  let asked = 0
  const server = createServer((_request, response) => {
    asked += 1
    response.end('here')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const closed = guardedAgent(false)
  const opened = guardedAgent(true)
  try {
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]']) {
      const failure = (await fetch(`http://${host}:${port}/`, { dispatcher: closed }).catch(
        (error: Error) => error,
      )) as Error
      expect(failure.cause, host).toBeInstanceOf(AddressRefused)
    }
    expect(asked).toBe(0)
    expect(await (await fetch(`http://localhost:${port}/`, { dispatcher: opened })).text()).toBe('here')
  } finally {
    await Promise.all([closed.close(), opened.close()])
    server.close()
  }
})
