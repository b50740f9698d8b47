import { ROOT_CONTEXT, type Context, type Span, type SpanContext, type SpanOptions, trace } from '@opentelemetry/api'
import { expect } from 'vitest'

export interface Recorded {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parent: string | undefined
  readonly options: SpanOptions
  readonly attributes: Record<string, unknown>
  status?: { readonly code: number; readonly message?: string }
  ended: boolean
}

const hex = (length: number): string =>
  Array.from({ length }, () => Math.floor(Math.random() * 16).toString(16)).join('')

/** Registers a provider that remembers its spans; `sampled` false: it records nothing, as a sampler may decide. */
export function record(sampled = true): Recorded[] {
  const spans: Recorded[] = []
  const startSpan = (name: string, options: SpanOptions = {}, at: Context = ROOT_CONTEXT): Span => {
    const parent = trace.getSpanContext(at)
    const spanContext: SpanContext = {
      traceId: parent?.traceId ?? hex(32),
      spanId: hex(16),
      traceFlags: sampled ? 1 : 0,
    }
    const span: Recorded = {
      name,
      ...spanContext,
      parent: parent?.spanId,
      options,
      attributes: { ...options.attributes },
      ended: false,
    }
    if (sampled) spans.push(span)
    return {
      spanContext: () => spanContext,
      isRecording: () => sampled,
      setStatus: (status: NonNullable<Recorded['status']>) => void (span.status = status),
      setAttribute: (name: string, value: unknown) => void (span.attributes[name] = value),
      end: () => void (span.ended = true),
    } as unknown as Span
  }
  const ok = trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan }) as never })
  expect(ok).toBe(true)
  return spans
}
