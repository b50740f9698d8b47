import type { Connection } from '../../hub/connections.js'
import { Badge, type Tone } from '../../ui/badge.js'

const tones: Readonly<Record<Connection['state'], Tone>> = {
  connecting: 'accent',
  connected: 'good',
  idle: 'neutral',
  stale: 'warn',
  disconnecting: 'accent',
  closed: 'neutral',
}

export const StateBadge = ({ state }: { state: Connection['state'] }) => (
  <Badge tone={tones[state] ?? 'neutral'} dot>
    {state}
  </Badge>
)
