import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'vitest'
import type { RedisServer } from '../fixtures/redis.js'
import type { Node, Stage } from './three-nodes.js'

/**
 * For `forMs`, again and again: a random node dies by SIGKILL and is back after a while, and all connections on which nodes
 * hear the feed are cut. At most one node is away at a time in three of four cases.
 */
export async function killNodes({ nodes, random }: Stage, redis: RedisServer, forMs: number): Promise<object> {
  const until = performance.now() + forMs
  const counts = { kills: 0, cutFeeds: 0 }
  const killing = async (): Promise<void> => {
    // A busy machine takes seconds to start a node: some kills there are in any case.
    while (performance.now() < until || counts.kills < 3) {
      const node = nodes[Math.floor(random() * nodes.length)] as Node
      const other = nodes[(nodes.indexOf(node) + 1) % nodes.length] as Node
      const victims = random() < 0.25 ? [node, other] : [node]
      await Promise.all(victims.map((victim) => victim.kill()))
      counts.kills += victims.length
      await wait(random() * 1_000)
      await Promise.all(victims.map((victim) => victim.start()))
      await wait(random() * 1_500)
    }
  }
  const cutting = async (): Promise<void> => {
    while (performance.now() < until) {
      await wait(300 + random() * 1_000)
      counts.cutFeeds += Number(await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub'))
    }
  }
  await Promise.all([killing(), cutting()])
  return counts
}

/** Each node in turn is told to end, ends by itself with 0, and is started again; as an operator deploys. */
export async function rollingRestart({ nodes }: Stage): Promise<void> {
  for (const node of nodes) {
    await wait(1_000)
    expect(await node.kill('SIGTERM'), 'a node that is told to end ends well').toBe(0)
    await node.start()
    expect((await fetch(`${node.url}/ready`)).status).toBe(200)
  }
  await wait(1_000)
}
