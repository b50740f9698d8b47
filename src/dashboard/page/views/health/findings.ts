import type { NodeStats, Stats } from '../../hub/stats.js'
import { bytes, count, duration } from '../../ui/format.js'

export interface Health {
  readonly status: string
  readonly reason?: string
  readonly store: { readonly kind: string; readonly available: boolean }
}

export interface Finding {
  readonly name: string
  readonly tone: 'good' | 'warn' | 'bad'
  readonly words: string
}

/** A loop that stands still for longer makes every reader wait (100 ms is what the hub promises at ten thousand streams). */
const slowLoopMs = 100
const slowDeliveryMs = 100
/** The last seconds: what happened long ago is no news. */
const recentPoints = 60

/** What is well and what is not, each in words, the worst first. */
export function findingsOf(health: Health, stats: Stats): readonly Finding[] {
  const findings = [
    storeOf(health, stats.nodes),
    nodesOf(stats),
    readersOf(stats),
    deliveryOf(stats),
    loopOf(stats),
    errorsOf(stats),
    queueOf(stats),
  ]
  const order = ['bad', 'warn', 'good']
  return findings.toSorted((a, b) => order.indexOf(a.tone) - order.indexOf(b.tone))
}

function storeOf({ store }: Health, nodes: readonly NodeStats[]): Finding {
  const name = 'Store'
  const away = nodes.filter((node) => !node.store.available)
  if (away.length === 0)
    return { name, tone: 'good', words: `Events are kept in ${store.kind}, and every node reaches it.` }
  const longest = Math.max(...away.map((node) => node.store.awayMs))
  const who = nodes.length === 1 ? 'The hub has' : `${away.length} of ${nodes.length} nodes have`
  return {
    name,
    tone: 'bad',
    words: `${who} not reached ${store.kind} for ${duration(longest)}. Publishes wait, streams stay open and catch up when it is back.`,
  }
}

function nodesOf({ nodes, missing = [] }: Stats): Finding {
  const name = 'Nodes'
  const draining = nodes.filter((node) => node.draining).length
  if (missing.length > 0)
    return {
      name,
      tone: 'bad',
      words: `${missing.length} of ${nodes.length + missing.length} did not answer within a second: ${missing.join(', ')}.`,
    }
  if (draining > 0)
    return { name, tone: 'warn', words: `${draining} of ${nodes.length} shut down: their readers are sent to others.` }
  return {
    name,
    tone: 'good',
    words: nodes.length === 1 ? 'There is one, and it takes readers.' : `All ${nodes.length} take readers.`,
  }
}

function readersOf({ connections }: Stats): Finding {
  const name = 'Readers'
  const { open, lagging } = connections
  const stale = connections.byState.stale ?? 0
  const words = `${count(open)} connected, ${count(lagging)} behind, ${count(stale)} stale.`
  if (stale > 0)
    return { name, tone: 'warn', words: `${words} Stale ones take no bytes; the hub ends them where that goes on.` }
  return { name, tone: 'good', words }
}

function deliveryOf({ latency, series }: Stats): Finding {
  const name = 'Delivery'
  const slowest = Math.max(0, ...series.points.slice(-recentPoints).map(({ p99Ms }) => p99Ms ?? 0))
  const { p50Ms = null, p99Ms = null } = latency.delivery ?? {}
  if (p50Ms === null || p99Ms === null) return { name, tone: 'good', words: 'Nothing has been delivered yet.' }
  const words = `Half of all events are with their readers in ${duration(p50Ms)}, 99 of 100 in ${duration(p99Ms)}; in the last minute the slowest second had ${duration(slowest)}.`
  return { name, tone: slowest > slowDeliveryMs ? 'warn' : 'good', words }
}

function loopOf({ nodes, series }: Stats): Finding {
  const name = 'Event loop and memory'
  const longest = Math.max(0, ...series.points.slice(-recentPoints).map(({ eventLoopMs }) => eventLoopMs ?? 0))
  const memory = nodes.map((node) => bytes(node.memory.rssBytes)).join(', ')
  const words = `It stood still for ${duration(longest)} at most in the last minute; memory: ${memory}.`
  return { name, tone: longest > slowLoopMs ? 'warn' : 'good', words }
}

function errorsOf({ series, errors }: Stats): Finding {
  const name = 'Errors'
  const recent = series.points.slice(-recentPoints)
  const failed = recent.reduce((sum, point) => sum + point.errors, 0)
  const refused = recent.reduce((sum, point) => sum + point.refused, 0)
  const words = `${count(failed)} failures and ${count(refused)} refused requests in the last minute; ${count(errors)} failures since the start.`
  return { name, tone: failed > 0 ? 'warn' : 'good', words }
}

function queueOf({ queue }: Stats): Finding {
  const name = 'Publishes that wait'
  if (queue.events === 0)
    return {
      name,
      tone: queue.refused > 0 ? 'warn' : 'good',
      words: `None waits for the store; ${count(queue.refused)} were refused because the queue was full.`,
    }
  return { name, tone: 'warn', words: `${count(queue.events)} events (${bytes(queue.bytes)}) wait for the store.` }
}
