import { Badge } from '../../ui/badge.js'
import type { HubEvent } from '../../hub/event.js'

/** Only what is out of the ordinary catches the eye. */
export function PriorityBadge({ priority }: { priority: HubEvent['priority'] }) {
  if (priority !== 'high' && priority !== 'critical') return <span className="text-xs text-muted">{priority}</span>
  return (
    <Badge tone={priority === 'high' ? 'warn' : 'bad'} dot>
      {priority}
    </Badge>
  )
}
