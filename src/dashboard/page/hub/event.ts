import type { TidingsEvent } from 'tidings'

/** The envelope, of any type and with any data. */
export type HubEvent = TidingsEvent<string, unknown>

export const priorities = ['low', 'normal', 'high', 'critical'] as const

export const topicsOf = ({ topic, topics }: HubEvent): readonly string[] => topics ?? [topic]

/** The envelope in a frame, or null where it is none. */
export function eventOf(text: string): HubEvent | null {
  try {
    const value = JSON.parse(text) as Partial<HubEvent> | null
    const isEvent = typeof value?.id === 'string' && typeof value.type === 'string' && typeof value.topic === 'string'
    return isEvent ? (value as HubEvent) : null
  } catch {
    return null
  }
}
