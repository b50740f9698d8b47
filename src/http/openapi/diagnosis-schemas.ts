import { anyJson, flag, list, object, oneOf, orNull, text, type Schema, unixMs, whole } from './schema.js'

const topics = list(text('A topic'), 'Topics')

/** What reached the hub, and why somebody has an event (PROTOCOL P11). */
export const diagnosisSchemas: Readonly<Record<string, Schema>> = {
  Diagnosis: object('What reached the hub of this request', {
    now: unixMs('The clock of this node'),
    request: object('As it came', {
      httpVersion: orNull(text('Of HTTP, from whoever called the hub')),
      address: orNull(text('As limits count it')),
      forwarded: oneOf(['none', 'believed', 'ignored'], 'What became of the header in which a proxy tells the address'),
      host: orNull(text('The Host header')),
    }),
    principal: object('Who was recognised', {
      method: text('How'),
      namespace: text('Where'),
      user: orNull(text('Who')),
      admin: flag('Whether it has the admin grant'),
    }),
    heartbeatMs: whole('The longest silence of a stream'),
    pollWaitMs: whole('The longest a poll is held'),
    'store?': object('For admins of the namespace `default`', {
      kind: text('Which'),
      available: flag('Whether it answers'),
      'facts?': object('How it is run, in its own words', {}),
    }),
  }),
  Explanation: object('Why a user has an event, or not', {
    event: anyJson('The event without its data; null where it is not kept'),
    searched: object('Where it was looked for', {
      topics,
      events: whole('Events that were looked at'),
      complete: flag('Whether all of it was'),
    }),
    rights: list(
      object('One topic of it', { topic: text('The topic'), mayRead: flag('Whether, as far as is known') }),
      'Rights',
    ),
    readers: list(
      object('A connection of this user', {
        id: text('Which'),
        state: text('Where it stands'),
        topics,
        verdict: oneOf(['sent', 'waiting', 'left', 'later', 'topic', 'type', 'withheld', 'unknown'], 'In a word'),
        words: text('In words'),
      }),
      'Open, and of the last that closed',
    ),
    reasons: list(
      object('One', { code: text('For programs'), words: text('For people') }),
      'In the order to look into',
    ),
    unknown: list(text('In words'), 'What nobody kept'),
  }),
}
