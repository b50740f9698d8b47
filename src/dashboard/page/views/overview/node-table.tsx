import type { NodeStats } from '../../hub/stats.js'
import { Badge } from '../../ui/badge.js'
import { bytes, count, duration } from '../../ui/format.js'
import { type Column, Table } from '../../ui/table.js'

const columns: readonly Column<NodeStats>[] = [
  { title: 'Node', width: 'minmax(6rem, 1.2fr)', cell: ({ id }) => <code className="font-mono text-xs">{id}</code> },
  { title: 'State', width: 'minmax(5rem, 1fr)', cell: (node) => <StateOf node={node} /> },
  { title: 'Connections', width: 'minmax(4rem, 1fr)', figures: true, cell: ({ connections }) => count(connections) },
  {
    title: 'Memory',
    width: 'minmax(4rem, 1fr)',
    figures: true,
    from: 'medium',
    cell: ({ memory }) => bytes(memory.rssBytes),
  },
  {
    title: 'Heap',
    width: 'minmax(4rem, 1fr)',
    figures: true,
    from: 'medium',
    cell: ({ memory }) => bytes(memory.heapUsedBytes),
  },
  {
    title: 'Up for',
    width: 'minmax(4rem, 1fr)',
    figures: true,
    from: 'medium',
    cell: ({ uptimeMs }) => duration(uptimeMs),
  },
]

export function NodeTable({ nodes, missing }: { nodes: readonly NodeStats[]; missing: readonly string[] }) {
  return (
    <>
      <Table label="Nodes" columns={columns} rows={nodes} keyOf={({ id }) => id} height="16rem" />
      {missing.length > 0 && (
        <p className="px-4 py-2 text-xs text-warn">Did not answer within a second: {missing.join(', ')}</p>
      )}
    </>
  )
}

function StateOf({ node: { draining, store } }: { node: NodeStats }) {
  if (draining)
    return (
      <Badge tone="warn" dot>
        Draining
      </Badge>
    )
  if (!store.available)
    return (
      <Badge tone="bad" dot>
        Store away
      </Badge>
    )
  return (
    <Badge tone="good" dot>
      {store.kind}
    </Badge>
  )
}
