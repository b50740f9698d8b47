import { healthStates } from '../../hub/figures/health.js'
import { connectionStates } from '../../hub/activity.js'
import { flag, list, named, object, oneOf, type Schema, text, unixMs, whole } from './schema.js'
import { typeCounts } from './type-counts.js'

const connection = {
  id: text('As in Tidings-Connection-Id'),
  node: text('Where it is; made anew at each start'),
  since: unixMs('Since when it is in this state'),
  namespace: text('Whose'),
  transport: oneOf(['sse', 'poll', 'process'], 'How it reads'),
  'method?': text('How it signed in'),
  'user?': text('Who'),
  'session?': text('Of which session'),
  'roles?': list(text('A role'), 'Roles'),
  'tokenId?': text('The jti of its token'),
  'expiresAt?': unixMs('When its credential ends'),
  'address?': text('As limits count it: of IPv6 the /64'),
  'userAgent?': text('As it says itself'),
  'name?': text('What it calls itself'),
  returned: flag('Whether it came with a cursor'),
  topics: list(named('Topic'), 'What it reads'),
  'types?': list(text('A type'), 'Only these types'),
  opened: unixMs('When it was opened'),
  lastWrite: unixMs('When a byte was last written'),
  sent: whole('Events sent'),
  // A node of an older version does not tell it.
  'byType?': typeCounts('Of these, of each of the first ten types'),
  errors: whole('Errors'),
  'cursor?': text('At or below it everything was sent, or withheld on purpose'),
} as const

/** Who a connection is of, in the activity log. */
const who = {
  connection: connection.id,
  'user?': connection['user?'],
  'session?': connection['session?'],
  'address?': connection['address?'],
  'name?': connection['name?'],
  namespace: connection.namespace,
  transport: connection.transport,
  returned: connection.returned,
  topics: list(named('Topic'), 'The first three that it reads'),
  topicCount: whole('How many it reads'),
} as const
const happened = { at: unixMs('When; of what repeated itself, the last time'), node: text('Where') } as const

const missing = list(text('A node'), 'Nodes that did not answer within a second')

/** Problem documents, tokens and operation (PROTOCOL P4, P11, P12). */
export const administrationSchemas: Readonly<Record<string, Schema>> = {
  Problem: object('Every refusal (RFC 9457)', {
    type: text('about:blank'),
    title: text('The status in words'),
    status: whole('The status', { minimum: 400, maximum: 599 }),
    code: text('What programs compare'),
    detail: text('What is wrong, and what to do'),
    'field?': text('The input at fault'),
    'topics?': list(text('A topic'), 'Those that were refused'),
    'limit?': text('Which limit was reached'),
    'retryAfterMs?': whole('When trying again makes sense'),
  }),
  NewToken: object(
    'What the token is for',
    {
      'for?': { const: 'url', description: 'For reading as `?token=`, five minutes' },
      'topics?': list(named('Topic'), 'With for: url; default your own'),
    },
    { additionalProperties: false },
  ),
  Token: object('A Bearer token', { token: text('The token'), expiresAt: unixMs('When it ends') }),
  Connection: object('An open connection', {
    ...connection,
    state: oneOf(connectionStates, 'Where it stands'),
    unsentBytes: whole('Bytes that wait for it'),
    lag: whole('By how many numbers of its namespace it is behind'),
  }),
  ClosedConnection: object('A connection that has closed', {
    ...connection,
    state: { const: 'closed' },
    reason: text('That of bye, or gone where the reader left'),
    'note?': text('In the words of whoever ended it'),
    durationMs: whole('How long it was open'),
  }),
  Connections: object('Connections on all nodes', {
    connections: list({ anyOf: [named('Connection'), named('ClosedConnection')] }, 'By id; closed ones the last first'),
    'next?': text('Give it as `after` to read on'),
    'missing?': missing,
  }),
  Activity: object('What happened', {
    entries: list(
      {
        anyOf: [
          object('A stream was opened', { kind: { const: 'connected' }, ...happened, ...who }),
          object('A connection is over', {
            kind: { const: 'closed' },
            ...happened,
            ...who,
            reason: text('That of bye, or gone where the reader left'),
            'note?': text('In the words of whoever ended it'),
            durationMs: whole('How long it was open'),
            sent: whole('Events sent'),
          }),
          object('A request was refused', {
            kind: { const: 'refused' },
            ...happened,
            code: text('As in the problem document'),
            status: whole('Its status'),
            method: text('Of the request'),
            path: text('Of the request, without the query'),
            'address?': text('Where it came from, as limits count it'),
            'field?': text('The input at fault'),
            'limit?': text('Which limit was reached'),
            request: text('The X-Request-Id of the last'),
            count: whole('How often, one after another'),
          }),
          object('Something failed and no caller heard of it', {
            kind: { const: 'error' },
            ...happened,
            stage: text('What the hub was at'),
            code: text('Of the failure; its message is in the log'),
            count: whole('How often, one after another'),
          }),
        ],
      },
      'The newest first',
    ),
    'missing?': missing,
  }),
  Closed: object('How many were ended', { closed: whole('Connections'), 'missing?': missing }),
  Sent: object('How many were sent a ping', { sent: whole('Streams'), 'missing?': missing }),
  Revocation: object(
    'What is revoked: exactly one of these',
    {
      'user?': text('All of a user'),
      'session?': text('All of a session'),
      'tokenId?': text('One token, by its jti'),
    },
    { additionalProperties: false, minProperties: 1, maxProperties: 1 },
  ),
  Health: object('How the process does', {
    status: oneOf(healthStates, 'In a word'),
    'reason?': text('Why not ok: the first of the reasons'),
    reasons: list(text('A sentence'), 'One for each part that is not ok'),
    parts: object(
      'How each part does',
      Object.fromEntries(
        ['store', 'queue', 'eventLoop', 'errors', 'readers'].map((part) => [part, oneOf(healthStates, 'In a word')]),
      ),
    ),
    errorsPerMinute: whole('Failures of the last minute that no caller heard of'),
    store: object('The store', {
      kind: text('Which'),
      available: flag('Whether it answers'),
      'awayMs?': whole('For how long it has not'),
    }),
  }),
  Ready: object('Whether new readers should come here', {
    ready: flag('Whether'),
    'reason?': oneOf(['draining', 'store'], 'Why not'),
  }),
}
