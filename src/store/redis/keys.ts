import { createHash } from 'node:crypto'

/** All keys of a namespace begin with this: 128 bits, so that nobody can look for a name that shares another's keys. The part in braces decides the shard of a cluster, and is the same for all. */
export function baseKey(prefix: string, namespace: string): string {
  return `${prefix}{${createHash('sha256').update(namespace).digest('hex').slice(0, 32)}}`
}

/** The one channel of a namespace. */
export const feedChannel = (base: string): string => `${base}:feed`

/** The set of all namespaces under a prefix, so that any node can sweep them. */
export const namespacesKey = (prefix: string): string => `${prefix}namespaces`

/** What all namespaces keep together, as a node found it a moment ago. */
export const keptKey = (prefix: string): string => `${prefix}kept`

/** The format of what is kept under a prefix. */
export const formatKey = (prefix: string): string => `${prefix}format`

/** `major.minor`: a newer minor only adds what this version may leave alone; a newer major is refused (H9). */
export const format = '1.0'
