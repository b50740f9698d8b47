import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'
import type { Incoming } from '../auth/incoming.js'
import { TidingsError } from '../errors.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Network = readonly [Address, number]

export interface ClientAddressOptions {
  /** Networks (`10.0.0.0/8`) and addresses of proxies whose header is believed; `unix` is a Unix-domain socket. Default: none. */
  readonly trustedProxies?: readonly string[] | undefined
  /** The header in which those proxies pass addresses on. Default `X-Forwarded-For`. */
  readonly addressHeader?: string | undefined
}

const headerShape = /^[A-Za-z0-9-]{1,64}$/
/** What one customer has of IPv6, and may change within at will. */
const networkBits = 64
/** Reading an address of IPv6 takes 16 µs, and the same ones come again and again. */
const remembered = 10_000
const mapped = '::ffff:'

/**
 * From which address a request comes (A6). Proxies that are trusted are looked through, from the right; what stands left of
 * the first that is not could have been written by anybody.
 */
export class ClientAddresses {
  readonly #trusted: readonly Network[]
  readonly #trustsUnix: boolean
  readonly #header: string
  readonly #isForwarded: boolean
  readonly #read = new LRUCache<string, { readonly address: Address | null }>({ max: remembered })

  /** Throws `option_invalid` naming the entry. */
  constructor({ trustedProxies = [], addressHeader = 'X-Forwarded-For' }: ClientAddressOptions) {
    if (!Array.isArray(trustedProxies)) throw invalid('trustedProxies', 'must be an array of networks')
    if (typeof addressHeader !== 'string' || !headerShape.test(addressHeader))
      throw invalid('addressHeader', 'must be the name of a header')
    this.#trustsUnix = trustedProxies.includes('unix')
    this.#trusted = trustedProxies.flatMap((text, index) => (text === 'unix' ? [] : [networkOf(text, index)]))
    this.#header = addressHeader
    this.#isForwarded = addressHeader.toLowerCase() === 'forwarded'
  }

  /** The address by which limits count this request: of IPv6 the network of a customer, `2001:db8:1:2::/64`. Null: unknown. */
  keyOf(request: Incoming): string | null {
    const { remoteAddress } = request
    // Most requests: IPv4, and no proxy.
    if (this.#trusted.length === 0 && !this.#trustsUnix && remoteAddress !== null) {
      if (!remoteAddress.includes(':')) return remoteAddress
      if (remoteAddress.startsWith(mapped) && remoteAddress.includes('.')) return remoteAddress.slice(mapped.length)
    }
    const address = this.#find(request)
    return address && keyOf(address)
  }

  /** Whether the request says from where it comes. */
  isForwarded(request: Incoming): boolean {
    return request.header(this.#header) !== null
  }

  /** Whether it says so and is not believed. */
  isIgnored(request: Incoming): boolean {
    if (!this.isForwarded(request)) return false
    const socket = request.remoteAddress === null ? null : this.#parse(request.remoteAddress)
    return socket !== null && !this.#trusts(socket)
  }

  #find(request: Incoming): Address | null {
    const socket = request.remoteAddress === null ? null : this.#parse(request.remoteAddress)
    if (!(socket ? this.#trusts(socket) : this.#trustsUnix && request.remoteAddress === null)) return socket
    const header = request.header(this.#header)
    if (header === null) return socket
    const entries = header.split(',')
    let found = socket
    for (let index = entries.length - 1; index >= 0; index--) {
      const entry = this.#isForwarded ? forOf(entries[index] as string) : (entries[index] as string).trim()
      const address = this.#parse(withoutPort(entry))
      // A proxy that is trusted wrote this: nothing here can be relied on.
      if (!address) return socket
      found = address
      if (!this.#trusts(address)) break
    }
    return found
  }

  #parse(text: string): Address | null {
    let read = this.#read.get(text)
    if (!read) {
      read = { address: parse(text) }
      // What is longer is no address, and must not be remembered.
      if (text.length <= 60) this.#read.set(text, read)
    }
    return read.address
  }

  #trusts(address: Address): boolean {
    return this.#trusted.some(
      ([network, bits]) => network.kind() === address.kind() && address.match(network as never, bits),
    )
  }
}

function networkOf(text: unknown, index: number): Network {
  const field = `trustedProxies[${index}]`
  const [, written, bits] = (typeof text === 'string' && /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text)) || []
  const address = written === undefined ? null : parse(written)
  if (!address) throw invalid(field, 'must be an address or a network such as "10.0.0.0/8"')
  const most = address.kind() === 'ipv4' ? 32 : 128
  if (Number(bits ?? most) > most) throw invalid(field, `has a network of more than ${most} bits`)
  return [address, Number(bits ?? most)]
}

/** Null: not an address. One of IPv4 written as IPv6 is the one it stands for; a zone is left out. */
function parse(text: string): Address | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  if (!text.includes(':') || !ipaddr.IPv6.isValid(text)) return null
  const address = ipaddr.IPv6.parse(text.replace(/%.*$/, ''))
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address
}

/** Some proxies add the port. */
function withoutPort(text: string): string {
  const found = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text) ?? /^(\d[\d.]+):\d{1,5}$/.exec(text)
  return found?.[1] ?? text
}

/** The `for` of one element of `Forwarded` (RFC 7239). */
function forOf(element: string): string {
  const found = /(?:^|;)\s*for\s*=\s*(?:"([^"]*)"|([^;\s]*))\s*(?:;|$)/i.exec(element)
  return found?.[1] ?? found?.[2] ?? ''
}

function keyOf(address: Address): string {
  if (address instanceof ipaddr.IPv4) return address.toString()
  const parts = address.parts.slice(0, networkBits / 16).map((part) => part.toString(16))
  return `${parts.join(':')}::/${networkBits}`
}

const invalid = (field: string, what: string): TidingsError =>
  new TidingsError('option_invalid', `Option "${field}" ${what}.`, { field })
