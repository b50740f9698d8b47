import { defaultSource, encodeBody } from '../protocol/event.js'
import type { NewEvent } from '../store/store.js'

/** What the hub uses of `@opentelemetry/api` 1.9 and later; its types are not in ours, because it need not be installed. */
export interface OpenTelemetry {
  readonly trace: {
    getTracer(name: string): OtelTracer
    /** Until an application sets one up, a stand-in that has no tracer to delegate to. */
    getTracerProvider(): { getDelegateTracer?(name: string): OtelTracer | undefined }
    setSpanContext(context: unknown, spanContext: SpanContext): unknown
  }
  readonly context: { active(): unknown }
}
interface OtelTracer {
  startSpan(name: string, options: object, context?: unknown): OtelSpan
}
interface OtelSpan {
  spanContext(): SpanContext
  isRecording(): boolean
  setAttribute(name: string, value: string | number): unknown
  setStatus(status: { readonly code: number; readonly message?: string }): unknown
  end(endTime?: number): void
}
interface SpanContext {
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number
  readonly isRemote?: boolean
}

const tracerName = 'tidings'
/** Made once: most spans are thrown away by a sampler. */
const attributes = { 'messaging.system': 'tidings' } as const
const appending = { kind: 0, attributes } as const
const publishing = { kind: 3, attributes } as const
const delivering = { kind: 4, attributes } as const
const failed = 2
const shape = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/**
 * Spans from publish over append to deliver (O3). Their thread is `metadata.traceparent` of the event (W3C Trace Context),
 * so that it holds across nodes: the publisher's, or, where a publish happens inside a sampled span, one that the hub adds.
 * Delivering is one span an event and node, with the number of readers: ten thousand would drown every trace.
 */
export class Tracing {
  readonly #api: OpenTelemetry
  readonly #tracer: OtelTracer
  #isHeard = false

  constructor(api: OpenTelemetry) {
    this.#api = api
    this.#tracer = api.trace.getTracer(tracerName)
  }

  /**
   * Whether the application has set up what takes spans, at some time: the package alone may be there because others depend
   * on it, and looking through every event for the trace it belongs to was 3 % of a publish.
   */
  get isHeard(): boolean {
    if (this.#isHeard) return true
    const provider = this.#api.trace.getTracerProvider()
    this.#isHeard = !provider.getDelegateTracer || provider.getDelegateTracer(tracerName) !== undefined
    return this.#isHeard
  }

  /** Runs a publish inside spans, one an event. `header`: the traceparent of the request that brought it. */
  publish<Result>(
    events: readonly NewEvent[],
    header: string | null,
    run: (events: readonly NewEvent[]) => Promise<Result>,
  ): Promise<Result> {
    if (!this.isHeard) return run(events)
    const spans: OtelSpan[] = []
    const traced: NewEvent[] = []
    for (const event of events) {
      const parent = spanContextOf(traceparentOf(event.body)) ?? spanContextOf(header)
      const span = this.#start('tidings publish', publishing, parent)
      traced.push(span ? carrying(event, span.spanContext()) : event)
      if (!span) continue
      describe(span, event)
      spans.push(span)
    }
    return spans.length === 0 ? run(events) : ended(spans, run(traced))
  }

  /** One span for an append with an event that is traced; null: there is none. */
  append<Result>(events: readonly NewEvent[], run: () => Promise<Result>): Promise<Result> {
    if (!this.isHeard) return run()
    const parent = events.map(({ body }) => this.parentOf(body)).find((each) => each !== null)
    const span = parent && this.#start('tidings append', appending, parent)
    if (!span) return run()
    span.setAttribute('tidings.events', events.length)
    return ended([span], run())
  }

  /** Null: the event is not part of a sampled trace. */
  parentOf(body: string): SpanContext | null {
    if (!this.isHeard) return null
    const parent = spanContextOf(traceparentOf(body))
    return parent && (parent.traceFlags & 1) === 1 ? parent : null
  }

  /** What was heard at `fromMs` was written at `toMs` (Unix ms). */
  delivered(parent: SpanContext, id: string, deliveries: number, fromMs: number, toMs: number): void {
    const span = this.#start('tidings deliver', { ...delivering, startTime: fromMs }, parent)
    if (!span) return
    span.setAttribute('messaging.message.id', id)
    span.setAttribute('tidings.deliveries', deliveries)
    span.end(toMs)
  }

  #start(name: string, options: object, parent: SpanContext | null): OtelSpan | null {
    const { trace, context } = this.#api
    const active = context.active()
    const span = this.#tracer.startSpan(name, options, parent ? trace.setSpanContext(active, parent) : active)
    // Not sampled, or nobody listens: nothing is said, and no event is changed.
    return span.isRecording() ? span : null
  }
}

/** The tracing of an application that has `@opentelemetry/api`; null: it has none. */
export async function loadTracing(): Promise<Tracing | null> {
  // In a variable, so that no bundler wants to have what is not there.
  const name: string = '@opentelemetry/api'
  try {
    return new Tracing((await import(name)) as OpenTelemetry)
  } catch {
    return null
  }
}

async function ended<Result>(spans: readonly OtelSpan[], work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    // The code alone: messages quote what was sent.
    const message = String((error as { readonly code?: unknown }).code ?? 'error')
    for (const span of spans) span.setStatus({ code: failed, message })
    throw error
  } finally {
    for (const span of spans) span.end()
  }
}

/** What an event is called, and nothing of what is in it. */
function describe(span: OtelSpan, { id, type, body }: NewEvent): void {
  span.setAttribute('messaging.message.id', id)
  span.setAttribute('tidings.type', type)
  const correlationId = body.includes('"correlationId"') ? parsed(body).metadata?.['correlationId'] : undefined
  if (typeof correlationId === 'string') span.setAttribute('messaging.message.conversation_id', correlationId)
}

type Members = Readonly<Record<string, unknown>>
interface Body {
  readonly source?: string
  readonly data: unknown
  readonly metadata?: Members
}

const parsed = (body: string): Body => JSON.parse(`{${body}}`) as Body

/** Data may hold the word too, so it is no more than a hint that it is worth a look. */
const traceparentOf = (body: string): unknown =>
  body.includes('"traceparent"') ? parsed(body).metadata?.['traceparent'] : undefined

/** The event with the span as its `metadata.traceparent`. Its digest stays: it stands for what was published. */
function carrying(event: NewEvent, { traceId, spanId, traceFlags }: SpanContext): NewEvent {
  const { source = defaultSource, data, metadata } = parsed(event.body)
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
  return { ...event, body: encodeBody({ source, data, metadata: { ...metadata, traceparent } }) }
}

function spanContextOf(traceparent: unknown): SpanContext | null {
  const [, traceId = '', spanId = '', flags = ''] = (typeof traceparent === 'string' && shape.exec(traceparent)) || []
  return traceId === '' ? null : { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
}
