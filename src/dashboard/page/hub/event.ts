/** The envelope as the hub sends it (PROTOCOL.md P2). */
export interface HubEvent {
  readonly id: string
  readonly type: string
  readonly topic: string
  readonly topics?: readonly string[]
  readonly seq?: number
  readonly timestamp: number
  readonly priority: 'low' | 'normal' | 'high' | 'critical'
  readonly source: string
  readonly version: number
  readonly data: unknown
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly volatile?: true
}

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
