import { gapReasons } from '../../protocol/control.js'
import { priorities } from '../../protocol/event.js'
import { defaults } from '../../protocol/defaults.js'
import { anyJson, flag, list, named, object, oneOf, orNull, type Schema, text, unixMs, whole } from './schema.js'

const topic = text('A topic', { minLength: 1, maxLength: 256 })
const cursor = text('A place in the log of a namespace', { pattern: '^[A-Za-z0-9._~-]{1,64}$' })
const id = text('An id of an event or a command', { minLength: 1, maxLength: 128 })
const type = text('What happened', { minLength: 1, maxLength: 128 })
const ids = (of: string): Schema => list(text(`An id of a ${of}`), `${of}s`)

const metadata = object(
  'What goes along with the data; members of your own too',
  {
    'userId?': text('A user'),
    'sessionId?': text('A session'),
    'correlationId?': text('What belongs together'),
    'conflationKey?': text('Of events with the same key and topic a reader that lags may get only the newest', {
      maxLength: 256,
    }),
  },
  { additionalProperties: true },
)

/** Events, as they are published and as they are read (PROTOCOL P2, P8, P9). */
export const eventSchemas: Readonly<Record<string, Schema>> = {
  Topic: topic,
  Cursor: cursor,
  Event: object('An event as its readers get it', {
    id,
    type,
    topic: named('Topic'),
    'topics?': list(named('Topic'), 'All topics by which this reader gets it, where there are several'),
    'seq?': whole('Its number in the namespace; a volatile event has none', { minimum: 1 }),
    timestamp: unixMs("When it was stored, by the store's clock"),
    priority: oneOf(priorities, 'What may be left out for a reader that lags'),
    source: text('Who says so'),
    version: whole('Of the envelope', { const: 1 }),
    data: anyJson('What the publisher sent'),
    'metadata?': metadata,
    'volatile?': flag('It skipped the log'),
  }),
  Publish: object(
    'An event to publish; exactly one of topic, topics and to',
    {
      'id?': id,
      'topic?': named('Topic'),
      'topics?': list(named('Topic'), 'Several topics', { minItems: 1, maxItems: defaults.topicsPerEvent }),
      'to?': object('People', {
        'users?': ids('user'),
        'roles?': list(text('A role'), 'roles'),
        'sessions?': ids('session'),
        'all?': flag('Everybody'),
      }),
      type,
      'data?': anyJson(`Any JSON, at most ${defaults.dataBytes} bytes; default null`),
      'priority?': oneOf(priorities, 'Default normal'),
      'source?': text('Who says so; default tidings', { minLength: 1, maxLength: 128 }),
      'metadata?': metadata,
      'volatile?': flag('Live only: not kept, not numbered'),
    },
    { additionalProperties: false },
  ),
  Published: object('What became of an event', {
    id,
    cursor: orNull(text('Its place; null for a volatile event')),
    'duplicate?': flag('It had been stored before, by a publish with this id'),
  }),
  Queued: object('It waits for the store; send it again with the same id to be sure', {
    id,
    'queued?': { const: true },
    'cursor?': { type: 'null', description: 'Of a volatile event, which does not wait' },
  }),
  Gap: object('History that cannot be had', {
    'topics?': list(named('Topic'), 'Of which topics; absent: of all'),
    reason: oneOf(gapReasons, 'Why'),
    cursor: named('Cursor'),
  }),
  Poll: object('A slice of the stream', {
    protocol: whole('The version of the protocol'),
    events: list(named('Event'), 'Ascending'),
    cursor: named('Cursor'),
    upToDate: flag('There is nothing more at the moment'),
    heartbeatMs: whole('How often a stream would be heard of'),
    'gaps?': list(named('Gap'), 'History that cannot be had'),
    'snapshots?': list(object('A job as it stands', { job: named('Job'), cursor: named('Cursor') }), 'Jobs read anew'),
  }),
  Topics: object('Topics that keep events', {
    topics: list(
      object('A topic', {
        topic: named('Topic'),
        first: text('The cursor of the oldest kept event'),
        last: text('The cursor of the newest kept event'),
        count: whole('Events kept'),
        bytes: whole('Their bytes'),
        readers: whole('Connections that read it, on all nodes'),
      }),
      'In an order of the store; about as many as `limit`, or fewer',
    ),
    'next?': text('Give it as `after` to read on'),
    'missing?': list(text('A node'), 'Nodes whose readers are not counted: they did not answer within a second'),
  }),
  TopicReport: object('What is kept of a topic', {
    topic: named('Topic'),
    first: orNull(text('The cursor of the oldest kept event')),
    last: orNull(text('The cursor of the newest kept event')),
    count: whole('Events kept'),
    bytes: whole('Their bytes'),
    readers: whole('Connections of this node that read it'),
  }),
}
