import { lookup as resolve, type LookupAddress } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { Agent, buildConnector } from 'undici'

/** A host that the crawler must not talk to. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused'
}

const subnet = (list: BlockList, ranges: readonly string[]): BlockList => {
  for (const range of ranges) {
    const [network = '', prefix] = range.split('/')
    list.addSubnet(network, Number(prefix), network.includes(':') ? 'ipv6' : 'ipv4')
  }
  return list
}

/** This machine and private networks: `--allow-loopback` opens these. */
const local = subnet(new BlockList(), [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::1/128',
  'fc00::/7',
])

/** Never crawled: link-local (cloud metadata lives there), carrier NAT, documentation, multicast, reserved, and IPv6 that wraps IPv4. */
const forbidden = subnet(new BlockList(), [
  '0.0.0.0/8',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '::ffff:0:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
])
// The old way to wrap IPv4 (::a.b.c.d), which is all of ::/96 but `::` and `::1`.
forbidden.addRange('::2', '::ffff:ffff', 'ipv6')

/** Whether an IP address may be connected to. IPv4 inside IPv6 (`::ffff:10.0.0.1`) is judged as the IPv4 address it is. */
export function isAllowedAddress(address: string, allowLoopback: boolean): boolean {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  if (isIP(address) === 0 || forbidden.check(address, family)) return false
  return allowLoopback || !local.check(address, family)
}

/** Refuses at once a URL whose host is a forbidden address or `localhost`, before anything is queued. Names are judged when resolved. */
export function checkHost(url: URL, allowLoopback: boolean): void {
  const host = bare(url.hostname)
  const isLocalName = host === 'localhost' || host.endsWith('.localhost')
  if (isIP(host) ? !isAllowedAddress(host, allowLoopback) : isLocalName && !allowLoopback) throw refusal(host)
}

/**
 * An undici agent that connects to allowed addresses only. The check sits where the socket is opened, on the very address
 * that is connected to, so a name that resolves differently the second time (DNS rebinding) gains nothing.
 */
export function guardedAgent(allowLoopback: boolean, options: Agent.Options = {}): Agent {
  const connect = buildConnector({ lookup: guardedLookup(allowLoopback), timeout: 10_000 })
  return new Agent({
    ...options,
    connect(target, callback) {
      // A literal address is never looked up, so it is checked here.
      const host = bare(target.hostname)
      if (isIP(host) !== 0 && !isAllowedAddress(host, allowLoopback)) return callback(refusal(host), null)
      connect(target, callback)
    },
  })
}

function guardedLookup(allowLoopback: boolean): LookupFunction {
  return (host, options, callback) => {
    resolve(host, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error) return callback(error, '')
      const allowed = found.filter(({ address }) => isAllowedAddress(address, allowLoopback))
      const [first] = allowed
      if (!first) return callback(refusal(host), '')
      if (options.all) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }
}

const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '')
const refusal = (host: string): AddressRefused =>
  new AddressRefused(`${host} is an address of this machine, of a private network or reserved; it is not crawled.`)
