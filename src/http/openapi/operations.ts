import { activityKinds } from '../../hub/activity-log.js'
import { connectionStates } from '../../hub/activity.js'
import { defaults } from '../../protocol/defaults.js'
import { type JobStatus, jobStatuses } from '../../protocol/job.js'
import { mediaTypes } from '../../protocol/names.js'
import { type Operation, type QueryParameter, body, query } from './operation.js'
import { list, named, oneOf, text, whole } from './schema.js'

const reading: readonly QueryParameter[] = [
  { name: 'topic', schema: named('Topic'), repeated: true },
  { name: 'type', schema: text('Only events of this type'), repeated: true },
  query('own', oneOf(['1', '0', 'true', 'false'], 'Your own topics beside the named ones')),
  query('since', text('start, now, a cursor, or @ and Unix ms; Last-Event-ID comes first')),
  query('named', oneOf(['1', '0', 'true', 'false'], 'Whether events of a stream carry `event:`')),
  query('client', text('22–64 random characters: a new stream takes the place of the old one')),
  query('name', text('What lists of connections call this reader')),
  query('wait', whole('Of a poll, seconds', { minimum: 0, maximum: defaults.pollWaitMs / 1000 })),
  query('limit', whole('Of a poll, events', { minimum: 1, maximum: defaults.pageEvents })),
  query('token', text('Where the hub takes tokens in the address')),
]

const connections: readonly QueryParameter[] = [
  query('state', oneOf([...connectionStates, 'closed'], 'Where it stands')),
  query('user', text('A user')),
  query('session', text('A session')),
  query('topic', named('Topic')),
  query('transport', oneOf(['sse', 'poll', 'process'], 'How it reads')),
  query('node', text('A node')),
]

const page: readonly QueryParameter[] = [
  query('limit', whole('Of one page', { minimum: 1, maximum: 1_000 })),
  query('after', text('The `next` of the page before')),
]

const streamExample = text('Blocks as WHATWG HTML § 9.2 has them', {
  examples: ['id: k3.7\nevent: report.updated\ndata: {"id":"…","type":"report.updated","topic":"report:9",…}\n\n'],
})

const pageOfDashboard = { mediaType: 'text/html', schema: text('A page that needs a browser') }

const jobCommand = (id: string, summary: string, of: string): Operation => ({
  id,
  summary,
  clauses: 'P10',
  needs: 'a credential',
  body: body(of, undefined, of === 'JobFail' || of === 'JobUpdate'),
  answers: { 200: { means: 'Whether it was accepted, and the job', content: 'JobAnswer' } },
  refusals: ['not_found', 'job_invalid', 'conflict'],
})

const made = {
  201: { means: 'Created', content: 'MadeJob' },
  200: { means: 'It had been created with this id before', content: 'MadeJob' },
} as const

/** What there is to say of each method of each path; `openapi.test.ts` holds it against the routes and their answers. */
export const operations: Readonly<Record<string, Operation>> = {
  'GET /events': {
    id: 'read',
    summary: 'A stream of events, or with Accept: application/json one poll',
    clauses: 'P4–P8',
    needs: 'a credential',
    query: reading,
    answers: {
      200: {
        means: 'The stream, or the poll',
        content: [{ mediaType: mediaTypes.stream, schema: streamExample }, 'Poll'],
      },
      204: { means: 'All its topics are jobs that have ended', content: null },
    },
    refusals: ['cursor_invalid', 'topic_invalid', 'type_invalid', 'not_acceptable'],
  },
  'POST /events': {
    id: 'publish',
    summary: 'Publish one event, or an array of which all or none are stored',
    clauses: 'P9',
    needs: 'a credential',
    body: {
      schema: { anyOf: [named('Publish'), list(named('Publish'), 'A batch', { maxItems: defaults.eventsPerBatch })] },
      required: true,
      example: { topic: 'report:9', type: 'report.updated', data: { rows: 120 } },
    },
    answers: {
      201: {
        means: 'Stored',
        content: { mediaType: mediaTypes.json, schema: oneOrMany('Published') },
      },
      200: {
        means: 'All had been stored before, by the same ids',
        content: { mediaType: mediaTypes.json, schema: oneOrMany('Published') },
      },
      202: {
        means: 'They wait for the store',
        content: { mediaType: mediaTypes.json, schema: oneOrMany('Queued') },
      },
    },
    refusals: ['event_invalid', 'type_reserved', 'topic_reserved', 'data_too_large', 'id_reused', 'quota'],
  },
  'GET /jobs': {
    id: 'listJobs',
    summary: 'Jobs of a person, newest first',
    clauses: 'P10.13, P10.17',
    needs: 'a credential',
    query: [
      query('owner', text('user:<id>; default yourself; "*", for an admin: everybody')),
      query('status', oneOf(jobStatuses as readonly JobStatus[], 'Only those')),
      ...page,
    ],
    answers: { 200: { means: 'A page', content: 'JobPage' } },
  },
  'POST /jobs': {
    id: 'createJob',
    summary: 'Create a job',
    clauses: 'P10.1',
    needs: 'a credential',
    body: body('NewJob', { owner: 'user:7', kind: 'crawl', total: 100 }),
    answers: made,
    refusals: ['job_invalid', 'id_reused'],
  },
  'GET /jobs/{id}': {
    id: 'getJob',
    summary: 'A job as it stands, with the cursor from which to stream on',
    clauses: 'P10.12',
    needs: 'a credential',
    answers: { 200: { means: 'The job', content: 'Job' } },
    refusals: ['not_found'],
  },
  'PATCH /jobs/{id}': jobCommand('updateJob', 'Count, set, log and publish, in one step', 'JobUpdate'),
  'DELETE /jobs/{id}': {
    id: 'deleteJob',
    summary: 'Take a job away with its events, after cancelling it where it has not ended',
    clauses: 'P10',
    needs: 'a credential',
    answers: { 204: { means: 'Gone', content: null } },
    refusals: ['not_found'],
  },
  'POST /jobs/{id}/start': jobCommand('startJob', 'Begin an attempt', 'JobCommand'),
  'POST /jobs/{id}/renew': jobCommand('renewJob', 'Keep the lease', 'JobCommand'),
  'POST /jobs/{id}/complete': jobCommand('completeJob', 'The work is done', 'JobComplete'),
  'POST /jobs/{id}/fail': jobCommand('failJob', 'The work failed', 'JobFail'),
  'POST /jobs/{id}/cancel': jobCommand('cancelJob', 'The work is not wanted any more', 'JobCommand'),
  'POST /jobs/{id}/retry': {
    id: 'retryJob',
    summary: 'Run an ended job again, as a new one',
    clauses: 'P10.16',
    needs: 'a credential',
    body: body('RetryJob', undefined, false),
    answers: made,
    refusals: ['not_found', 'job_active', 'id_reused'],
  },
  'POST /tokens': {
    id: 'mintToken',
    summary: 'A token for what the caller may, never wider and never longer',
    clauses: 'P4.13–P4.15',
    needs: 'a credential',
    body: body('NewToken', undefined, false),
    answers: { 201: { means: 'Made', content: 'Token' } },
    refusals: ['forbidden', 'not_found'],
  },
  'GET /topics': {
    id: 'listTopics',
    summary: 'Topics that keep events, with how many read them on all nodes',
    clauses: 'P11.19',
    needs: 'the admin grant',
    query: [...page, query('contains', text('Only topics with this in their name', { maxLength: 256 }))],
    answers: { 200: { means: 'A page', content: 'Topics' } },
  },
  'GET /topics/{topic}': {
    id: 'getTopic',
    summary: 'What is kept of a topic, and who reads it here',
    clauses: 'P11.1',
    needs: 'a credential',
    answers: { 200: { means: 'The topic', content: 'TopicReport' } },
    refusals: ['topic_invalid', 'forbidden'],
  },
  'DELETE /topics/{topic}': {
    id: 'eraseTopic',
    summary: 'Take away what is kept of a topic; its readers are told',
    clauses: 'P11.11',
    needs: 'the admin grant',
    answers: { 204: { means: 'Gone', content: null } },
    refusals: ['topic_invalid', 'topic_reserved'],
  },
  'GET /connections': {
    id: 'listConnections',
    summary: 'Open connections on all nodes; with state=closed the last that closed',
    clauses: 'P11.6, P11.7',
    needs: 'the admin grant',
    query: [...connections, query('contains', text('In any of its names, capitals or not')), ...page],
    answers: { 200: { means: 'A page', content: 'Connections' } },
  },
  'DELETE /connections': {
    id: 'disconnectAll',
    summary: 'End all that a filter names',
    clauses: 'P11.7',
    needs: 'the admin grant',
    query: [...connections, query('reason', text('In your words'))],
    answers: { 200: { means: 'Ended', content: 'Closed' } },
  },
  'POST /connections/ping': {
    id: 'pingConnections',
    summary: 'Send a ping to all, or to those that a filter names',
    clauses: 'P11.8',
    needs: 'the admin grant',
    query: connections,
    answers: { 200: { means: 'Sent', content: 'Sent' } },
  },
  'GET /connections/{id}': {
    id: 'getConnection',
    summary: 'One open connection',
    clauses: 'P11.6',
    needs: 'the admin grant',
    answers: { 200: { means: 'The connection', content: 'Connection' } },
    refusals: ['not_found'],
  },
  'DELETE /connections/{id}': {
    id: 'disconnect',
    summary: 'End one connection',
    clauses: 'P11.7',
    needs: 'the admin grant',
    query: [query('reason', text('In your words'))],
    answers: { 204: { means: 'Ended', content: null } },
    refusals: ['not_found'],
  },
  'POST /revocations': {
    id: 'revoke',
    summary: 'End all of a user, of a session, or of one token, and refuse it from now on',
    clauses: 'P11.9, P11.10',
    needs: 'the admin grant',
    body: body('Revocation', { user: '7' }),
    answers: { 201: { means: 'Revoked', content: 'Closed' } },
    refusals: ['body_invalid', 'id_invalid'],
  },
  'GET /activity': {
    id: 'activity',
    summary: 'What happened lately on all nodes: who came, who went, what was refused, what failed',
    clauses: 'P11.20',
    needs: 'the admin grant',
    query: [
      query('kind', oneOf(activityKinds, 'Only these')),
      query('limit', whole('At most so many', { minimum: 1, maximum: 1_000 })),
    ],
    answers: { 200: { means: 'The newest first', content: 'Activity' } },
  },
  'GET /stats': {
    id: 'stats',
    summary: 'What the hub did and does, on all nodes',
    clauses: 'P11.14, P11.15, P11.18',
    needs: 'the admin grant of the namespace default',
    query: [query('step', oneOf(['1', '10'], 'Seconds between points: of five minutes, or of an hour'))],
    answers: { 200: { means: 'The figures', content: 'Stats' } },
  },
  'GET /dashboard': {
    id: 'dashboard',
    summary: 'The live view for people, where the hub has one; what it does it does over the other routes',
    clauses: 'P11.16',
    needs: 'nothing',
    answers: { 200: { means: 'The page', content: pageOfDashboard } },
    refusals: ['not_found', 'forbidden'],
  },
  'GET /dashboard/{view}': {
    id: 'dashboardView',
    summary: 'The same, opened at a view; or one of its files',
    clauses: 'P11.16',
    needs: 'nothing',
    answers: { 200: { means: 'The page, or the file', content: pageOfDashboard } },
    refusals: ['not_found', 'forbidden'],
  },
  'GET /metrics': {
    id: 'metrics',
    summary: 'This node for Prometheus; open to everybody where that is set',
    clauses: 'P11.17, P11.18',
    needs: 'the admin grant of the namespace default',
    answers: {
      200: { means: 'Text format 0.0.4', content: { mediaType: 'text/plain', schema: text('Metrics') } },
    },
  },
  'GET /health': {
    id: 'health',
    summary: 'How the process does; 200 while it works',
    clauses: 'P11.2',
    needs: 'nothing',
    answers: { 200: { means: 'It works', content: 'Health' } },
  },
  'GET /diagnosis': {
    id: 'diagnose',
    summary: 'What reached the hub of this request',
    clauses: 'P16.1',
    needs: 'a credential',
    answers: { 200: { means: 'What it sees', content: 'Diagnosis' } },
  },
  'GET /explanation': {
    id: 'explain',
    summary: 'Why a user has an event, or not',
    clauses: 'P16.2',
    needs: 'the admin grant',
    query: [
      query('event', text('Its id, or its cursor')),
      query('user', text('A user')),
      { name: 'topic', schema: named('Topic'), repeated: true },
      { name: 'role', schema: text('A role that the user has'), repeated: true },
    ],
    answers: { 200: { means: 'What is known', content: 'Explanation' } },
  },
  'GET /ready': {
    id: 'ready',
    summary: 'Whether new readers should come here',
    clauses: 'P11.4',
    needs: 'nothing',
    answers: {
      200: { means: 'They should', content: 'Ready' },
      503: { means: 'They should not', content: 'Ready' },
    },
  },
  'GET /openapi.json': {
    id: 'describe',
    summary: 'This description',
    clauses: 'P11.13',
    needs: 'nothing',
    answers: {
      200: { means: 'OpenAPI 3.1', content: { mediaType: mediaTypes.json, schema: { type: 'object' } } },
    },
  },
}

function oneOrMany(name: string) {
  return { anyOf: [named(name), list(named(name), 'In the order of the batch')] }
}
