import { TidingsError } from '../errors.js'

/** What a browser on this machine may call it. */
export const loopbackHosts: readonly string[] = ['localhost', '*.localhost', '127.0.0.1', '[::1]']

const hostName = /^(\*\.)?([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])$/

/** Whether a name is among those that are allowed; absent: any is. Throws `option_invalid` naming the entry at fault. */
export function checkHosts(allowed: readonly string[] | undefined): (host: string) => boolean {
  if (allowed === undefined) return () => true
  if (!Array.isArray(allowed) || allowed.length === 0)
    throw invalid('allowedHosts', 'must be an array of names of hosts')
  for (const [index, name] of allowed.entries()) {
    if (typeof name !== 'string' || !hostName.test(name))
      throw invalid(
        `allowedHosts[${index}]`,
        'must be the name of a host in lower case, without port: admin.example.com',
      )
  }
  return (host) => allowed.some((name) => (name.startsWith('*.') ? host.endsWith(name.slice(1)) : host === name))
}

const invalid = (field: string, what: string): TidingsError =>
  new TidingsError('option_invalid', `Option "${field}" ${what}.`, { field })
