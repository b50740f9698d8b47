import { describe, expect, test } from 'vitest'
import { incomingOf } from '#src/auth/incoming.js'
import { ClientAddresses, type ClientAddressOptions } from '#src/http/client-address.js'

/** By which key a request from `remote` with this header counts. */
function keyOf(options: ClientAddressOptions, remote: string | null, header?: string | readonly string[]) {
  const headers = new Headers()
  for (const value of header === undefined ? [] : [header].flat())
    headers.append(options.addressHeader ?? 'X-Forwarded-For', value)
  return new ClientAddresses(options).keyOf(incomingOf(new Request('http://hub.test/events', { headers }), remote))
}
const proxied: ClientAddressOptions = { trustedProxies: ['10.0.0.0/8', '192.168.1.1', '2001:db8:f::/48'] }

describe('A6: the address of a client', () => {
  test('A6: a header of a peer that is not trusted counts for nothing', () => {
    expect(keyOf({}, '203.0.113.9', '198.51.100.1')).toBe('203.0.113.9')
    expect(keyOf(proxied, '203.0.113.9', '198.51.100.1')).toBe('203.0.113.9')
    expect(keyOf(proxied, '11.0.0.1', '198.51.100.1')).toBe('11.0.0.1')
    expect(keyOf({}, null, '198.51.100.1')).toBe(null)
    expect(keyOf(proxied, null, '198.51.100.1')).toBe(null)
  })

  test('A6: trusted proxies are looked through from the right, and what a client wrote to the left is not believed', () => {
    expect(keyOf(proxied, '10.0.0.1')).toBe('10.0.0.1')
    expect(keyOf(proxied, '10.0.0.1', '198.51.100.1')).toBe('198.51.100.1')
    expect(keyOf(proxied, '10.0.0.1', '1.1.1.1, 198.51.100.1')).toBe('198.51.100.1')
    expect(keyOf(proxied, '10.0.0.1', '1.1.1.1, 198.51.100.1, 192.168.1.1')).toBe('198.51.100.1')
    expect(keyOf(proxied, '10.0.0.1', '10.9.9.9, 10.1.1.1')).toBe('10.9.9.9')
    // The same header sent twice is one list.
    expect(keyOf(proxied, '10.0.0.1', ['1.1.1.1', '198.51.100.1'])).toBe('198.51.100.1')
    const hundred = Array.from({ length: 100 }, (_, index) => `1.1.1.${index}`)
    expect(keyOf(proxied, '10.0.0.1', [...hundred, '198.51.100.7'].join(','))).toBe('198.51.100.7')
  })

  test('A6: an address of IPv4 is one key however it is written, and no two are one', () => {
    expect(keyOf({}, '::ffff:203.0.113.9')).toBe('203.0.113.9')
    expect(keyOf({}, '::ffff:cb00:7109')).toBe('203.0.113.9')
    expect(keyOf({}, '::ffff:203.0.113.10')).toBe('203.0.113.10')
    expect(keyOf(proxied, '::ffff:10.0.0.1', '::ffff:198.51.100.1')).toBe('198.51.100.1')
  })

  test('A6: IPv6 is counted by /64, zones left out', () => {
    expect(keyOf({}, '2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
    expect(keyOf({}, '2001:db8:1:2:ffff::')).toBe('2001:db8:1:2::/64')
    expect(keyOf({}, '2001:db8:1:3::')).toBe('2001:db8:1:3::/64')
    expect(keyOf({}, '::1')).toBe('0:0:0:0::/64')
    expect(keyOf({}, 'fe80::1%eth0')).toBe('fe80:0:0:0::/64')
    expect(keyOf(proxied, '2001:db8:f:1::1', '2001:db8:1:2::9')).toBe('2001:db8:1:2::/64')
  })

  test.each([
    'unknown',
    '',
    ',',
    '198.51.100.1,',
    '198.51.100.256',
    '0x7f.1',
    '127.1',
    '010.0.0.1',
    '2001:db8::1::2',
    '<script>',
    '1.2.3.4 5.6.7.8',
    '[::1',
  ])('A6: %j from a trusted proxy is malformed: the address of the proxy counts', (header) => {
    expect(keyOf(proxied, '10.0.0.1', header)).toBe('10.0.0.1')
  })

  test('A6: ports that a proxy adds are left out', () => {
    expect(keyOf(proxied, '10.0.0.1', '198.51.100.1:4711')).toBe('198.51.100.1')
    expect(keyOf(proxied, '10.0.0.1', '[2001:db8:1:2::9]:4711')).toBe('2001:db8:1:2::/64')
  })

  test('A6: another header is read by name, Forwarded as RFC 7239 has it', () => {
    const named = { ...proxied, addressHeader: 'CF-Connecting-IP' }
    expect(keyOf(named, '10.0.0.1', '198.51.100.1')).toBe('198.51.100.1')
    const forwarded = { ...proxied, addressHeader: 'Forwarded' }
    expect(keyOf(forwarded, '10.0.0.1', 'for=1.1.1.1, for=198.51.100.1;proto=https;by=10.0.0.1')).toBe('198.51.100.1')
    expect(keyOf(forwarded, '10.0.0.1', 'proto=https; For="[2001:db8:1:2::9]:4711"')).toBe('2001:db8:1:2::/64')
    expect(keyOf(forwarded, '10.0.0.1', 'for=_hidden')).toBe('10.0.0.1')
    expect(keyOf(forwarded, '10.0.0.1', 'proto=https')).toBe('10.0.0.1')
  })

  test('A6: whoever comes by a Unix-domain socket may be trusted', () => {
    expect(keyOf({ trustedProxies: ['unix'] }, null, '198.51.100.1')).toBe('198.51.100.1')
    expect(keyOf({ trustedProxies: ['unix'] }, '203.0.113.9', '198.51.100.1')).toBe('203.0.113.9')
  })

  test.each([
    [{ trustedProxies: ['10.0.0.0/33'] }, 'trustedProxies[0]'],
    [{ trustedProxies: ['::1', 'proxy.test'] }, 'trustedProxies[1]'],
    [{ trustedProxies: [''] }, 'trustedProxies[0]'],
    [{ trustedProxies: '10.0.0.0/8' }, 'trustedProxies'],
    [{ addressHeader: 'X Forwarded' }, 'addressHeader'],
  ])('A6: %j is refused by name', (options, field) => {
    expect(() => new ClientAddresses(options as never)).toThrow(
      expect.objectContaining({ code: 'option_invalid', field }),
    )
  })
})
