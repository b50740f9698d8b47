import type { Position } from '../../protocol/cursor.js'
import type { ResolvedStoreLimits } from '../retention.js'
import type {
  Append,
  AppendResult,
  DueState,
  IdWindow,
  Kept,
  KeptByAll,
  ReadQuery,
  ReadResult,
  StatePage,
  StateQuery,
  StateRead,
  TopicDescription,
  TopicPage,
  TopicQuery,
} from '../store.js'
import type { Failure } from './failures.js'
import type { Page } from './page.js'

/** What the thread is started with. */
export interface ThreadOptions {
  readonly file: string
  readonly limits: ResolvedStoreLimits
  readonly synchronous: 'full' | 'normal'
}

/** What the face asks of the thread, and what the thread answers to each. */
export interface Exchanges {
  open: { request: { readonly newEpoch: boolean }; answer: { readonly namespaces: readonly string[] } }
  renewEpochs: { request: { readonly epochs: readonly (readonly [namespace: string, epoch: string])[] }; answer: null }
  /** An epoch for a namespace that this face has not named before, in case it does not exist. Randomness stays with the face. */
  introduce: { request: { readonly namespace: string; readonly epoch: string }; answer: null }
  append: { request: { readonly namespace: string; readonly append: Append }; answer: AppendResult }
  read: { request: { readonly namespace: string; readonly query: ReadQuery }; answer: ReadAnswer }
  head: { request: { readonly namespace: string }; answer: Position }
  positionAt: { request: { readonly namespace: string; readonly timestampMs: number }; answer: Position }
  state: { request: { readonly namespace: string; readonly topic: string }; answer: StateRead }
  states: { request: { readonly namespace: string; readonly query: StateQuery }; answer: StatePage }
  idWindow: { request: { readonly namespace: string }; answer: IdWindow }
  kept: { request: { readonly namespace: string }; answer: Kept }
  keptByAll: { request: object; answer: KeptByAll }
  topics: { request: { readonly namespace: string; readonly query: TopicQuery }; answer: TopicPage }
  describe: { request: { readonly namespace: string; readonly topic: string }; answer: TopicDescription }
  erase: { request: { readonly namespace: string; readonly topic: string }; answer: null }
  due: { request: { readonly limit: number; readonly pauseMs: number }; answer: readonly DueState[] }
  /** One bounded step of upkeep, so that appends and reads get in between. */
  maintain: { request: object; answer: { readonly done: boolean } }
  close: { request: object; answer: null }
}

export type Kind = keyof Exchanges
export type Request<K extends Kind = Kind> = { [Each in K]: { readonly kind: Each } & Exchanges[Each]['request'] }[K]
export type AnswerTo<K extends Kind> = Exchanges[K]['answer']

export interface ReadAnswer {
  readonly page: Page
  readonly result: Omit<ReadResult, 'events'>
  readonly corrupt: readonly CorruptRow[]
}

/** A kept event that no longer is what was stored. */
export interface CorruptRow {
  readonly namespace: string
  readonly seq: number
  /** Those of the topics asked for under which it was kept. */
  readonly topics: readonly string[]
}

/** Requests of one tick, and the time they were sent: the thread reads no clock. */
export interface Batch {
  readonly time: SentTime
  readonly requests: readonly Request[]
}

export interface SentTime {
  readonly wallMs: number
  readonly monotonicMs: number
}

export type Answer = { readonly value: unknown } | { readonly failure: Failure }

/** Answers in the order of the requests, sent after the commit. */
export type Reply = readonly Answer[]

/** The time of a batch as the store uses it. */
export interface StoreTime {
  /** For stamps. */
  readonly wallMs: number
  /** For durations: never falls, also over a restart, and does not notice a jump of the wall clock. */
  readonly steadyMs: number
}
