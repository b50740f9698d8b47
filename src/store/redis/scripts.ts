import { createHash } from 'node:crypto'
import { append } from './scripts/append.js'
import { base, evenWhenFull, guard } from './scripts/base.js'
import { due, erase, maintain } from './scripts/change.js'
import { fence } from './scripts/fence.js'
import { ids } from './scripts/ids.js'
import { describe, head, idWindow, kept, positionAt, probe, state, statePage, topicPage } from './scripts/look.js'
import { moments } from './scripts/moments.js'
import { read } from './scripts/read.js'
import { states } from './scripts/states.js'
import { topics } from './scripts/topics.js'

export interface Script {
  readonly text: string
  /** By which Redis knows it once it is loaded. */
  readonly sha1: string
}

/** One script a method of the store. Lua has no way to import, so each carries the parts it uses. */
export const scripts = {
  fence: script(evenWhenFull, base, fence),
  append: script(base, guard, topics, ids, states, moments, append),
  read: script(base, guard, topics, read),
  head: script(base, guard, head),
  positionAt: script(base, guard, positionAt),
  probe: script(base, guard, probe),
  state: script(base, guard, states, state),
  states: script(base, guard, states, statePage),
  topics: script(base, guard, topics, topicPage),
  describe: script(base, guard, topics, describe),
  idWindow: script(base, guard, ids, idWindow),
  kept: script(base, guard, ids, kept),
  erase: script(evenWhenFull, base, guard, topics, states, erase),
  due: script(evenWhenFull, base, guard, states, due),
  maintain: script(evenWhenFull, base, guard, topics, ids, moments, maintain),
} satisfies Record<string, Script>

function script(...parts: readonly string[]): Script {
  const text = parts.join('\n')
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}
