// Draws the table of the client's transitions from its code: docs/reference/client-machine.md. With --print it only prints.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ClientError } from '../dist/client/error.js'
import { initialState, step } from '../dist/client/machine.js'
import { statusOf } from '../dist/client/status.js'

const file = fileURLToPath(new URL('../docs/reference/client-machine.md', import.meta.url))
const want = { type: 'want', want: { topics: ['a'], own: false } }
const hello = { type: 'message', name: 'hello', cursor: 'e.1', data: { connectionId: 'c', heartbeatMs: 25_000 } }
const failed = (status, kind, details = {}) => ({
  type: 'failed',
  status,
  error: new ClientError(kind, `${status}`, { topics: details.topics }),
  retryAfterMs: details.retryAfterMs ?? 0,
})
const bye = (data) => ({ type: 'message', name: 'bye', cursor: '', data })
const event = {
  id: 'i',
  type: 'x',
  topic: 'a',
  seq: 2,
  timestamp: 1,
  priority: 'normal',
  source: 's',
  version: 1,
  data: 0,
}

/** Plays inputs from the start; a number lets that many ms pass. News are of the newest stream, or of `stream`. */
function play(inputs, from = { state: initialState(), at: 1_000 }) {
  let { state, at } = from
  const actions = []
  const timers = new Set(from.timers)
  for (const input of inputs) {
    if (typeof input === 'number') at += input
    else {
      const isNews = ['sent', 'byte', 'retryField', 'message', 'ended', 'failed'].includes(input.type)
      const news = isNews && input.stream === undefined ? { ...input, stream: state.nextId - 1 } : input
      const after = step(state, news, { at, fraction: 0.5 })
      state = after.state
      actions.push(...after.actions)
      timers.delete(input.type)
      for (const { type, name, ms } of after.actions) {
        if (type === 'timer') timers[ms === null ? 'delete' : 'add'](name)
      }
    }
  }
  return { state, at, actions, timers }
}

const connecting = [want, { type: 'batch' }, { type: 'sent' }]
const late = [...connecting, 5_000, { type: 'late' }]
const polling = [...late, hello, { type: 'ended', stream: 1 }]
const situations = [
  ['idle', []],
  ['connecting', connecting],
  ['connecting, late', late],
  ['connected', [...connecting, hello, 20_000]],
  ['polling', [...polling, 20_000]],
  ['polling, probing', [...polling, 30_000, { type: 'probe' }, { type: 'sent' }]],
  ['waiting', [...connecting, { type: 'ended' }]],
  ['stopped', [...connecting, failed(403, 'authentication')]],
  ['in the back-forward cache', [...connecting, hello, { type: 'frozen' }]],
]

const inputs = [
  [
    'Application',
    [
      ['subscriptions change', [{ type: 'want', want: { topics: ['a', 'b'], own: false } }, 50, { type: 'batch' }]],
      ['the last subscription goes', [{ type: 'want', want: null }, 50, { type: 'batch' }]],
      ['`connect()`', [{ type: 'connect' }]],
      ['`disconnect()`', [{ type: 'disconnect' }]],
      ['`reconnect()`', [{ type: 'reconnect' }]],
      ['`forceTransport("sse")`', [{ type: 'transport', choice: 'sse' }]],
      ['`forceTransport("poll")`', [{ type: 'transport', choice: 'poll' }]],
      ['`forceTransport("auto")`', [{ type: 'transport', choice: 'auto' }]],
      ['`close()`', [{ type: 'close' }]],
    ],
  ],
  [
    'Platform',
    [
      ['online', [{ type: 'online' }]],
      ['offline', [{ type: 'offline' }]],
      ['the tab is shown', [{ type: 'visible' }]],
      ['into the back-forward cache', [{ type: 'frozen' }]],
      ['out of it, or awake again', [{ type: 'resumed' }]],
    ],
  ],
  [
    'Time',
    [
      ['`retry`: the pause is over', [{ type: 'retry' }]],
      ['`late`: 5 s without hello', [{ type: 'late' }]],
      ['`sse`: 15 s without hello', [{ type: 'sse' }]],
      ['`poll`: 15 s without an answer', [{ type: 'poll' }]],
      ['`probe`: time to try a stream', [{ type: 'probe' }]],
      ['`current`: 2.5 heartbeats of silence', [100_000, { type: 'current' }]],
    ],
  ],
  [
    'The newest stream',
    [
      ['hello', [hello]],
      ['an event', [{ type: 'message', name: 'x', cursor: 'e.2', data: event }]],
      ['bye, come back in 1 s', [bye({ reason: 'shutdown', retryAfterMs: 1_000, reconnect: true })]],
      ['bye, for good', [bye({ reason: 'kicked', retryAfterMs: 0, reconnect: false })]],
      ['ends', [{ type: 'ended' }]],
      ['204', [failed(204, 'connection')]],
      ['400', [failed(400, 'validation')]],
      ['401', [failed(401, 'authentication')]],
      ['403, naming a topic', [failed(403, 'authentication', { topics: ['a'] })]],
      ['429, after 20 s', [failed(429, 'rate_limit', { retryAfterMs: 20_000 })]],
      ['503', [failed(503, 'server')]],
    ],
  ],
]

/** A step in few words: where it leads, and what is done. */
function cell(before, sequence, title) {
  if (title === 'The newest stream' && slotOfNewest(before.state) === null) return ' '
  if (title === 'Time' && !before.timers.has(sequence.at(-1).type)) return ' '
  const after = play(sequence, before)
  const status = statusOf(after.state)
  const did = after.actions.flatMap((action) => {
    if (action.type === 'open') return [`open ${action.stream.transport}${action.refresh ? ', fresh token' : ''}`]
    if (action.type === 'abort') return [`let go of ${slotOf(before.state, action.stream)}`]
    if (action.type === 'report') return [`report ${action.error.kind}`]
    if (action.type === 'refused') return ['drop the topics']
    if (action.type === 'timer') return action.name === 'retry' && action.ms ? [`retry in ${action.ms} ms`] : []
    return [{ joined: 'joined', deliver: 'hand it on' }[action.type] ?? action.type]
  })
  const same = statusOf(before.state) === status
  if (same && did.length === 0) return '–'
  return `${same ? '' : `**${status}**${did.length > 0 ? ': ' : ''}`}${did.join(', ')}`
}

const slots = ['current', 'sse', 'poll']
const slotOf = (state, id) => {
  const slot = slots.find((each) => state[each]?.id === id)
  return slot === 'current' ? state.current.transport : (slot ?? 'it')
}
const slotOfNewest = (state) => slots.find((each) => state[each]?.id === state.nextId - 1) ?? null

function draw() {
  const lines = [
    '# The machine of the client',
    '',
    'What becomes of each situation when something happens, drawn from the code by `npm run docs`; a test',
    'keeps it current. The machine is a pure function in `src/client/machine.ts`: state and input to state and actions.',
    '**Bold** is the status that people are shown, where it changes; then what is done. – : nothing is. Empty: it cannot happen. Pauses are those of',
    'a first failure, with the luck of the middle.',
    '',
    'Where polls come in (C4): a stream that has not said hello 5 s after its request was sent is late, and a poll is tried beside',
    'it; after three streams in a row that said nothing, the next try is a poll. While polls are in use, a stream is tried beside',
    'them at once, after 30 s, after 60 s and so on, and takes over when it says hello.',
  ]
  for (const [title, rows] of inputs) {
    lines.push('', `## ${title}`, '')
    lines.push(`| | ${situations.map(([name]) => name).join(' | ')} |`)
    lines.push(`|${' --- |'.repeat(situations.length + 1)}`)
    for (const [name, sequence] of rows) {
      const cells = situations.map(([, way]) => cell(play(way), sequence, title))
      lines.push(`| ${name} | ${cells.join(' | ')} |`)
    }
  }
  return `${lines.join('\n')}\n`
}

if (process.argv.includes('--print')) process.stdout.write(draw())
else writeFileSync(file, draw())
