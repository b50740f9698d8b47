import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { ColumnHeader } from './column-header.js'
import type { Sort } from './sort.js'
import { TableRow, rowHeight } from './table-row.js'
import { type Width, useWidth } from './width.js'

export interface Column<Row> {
  readonly title: string
  /** Of the CSS grid: `minmax(8rem, 2fr)`, `5rem`. */
  readonly width: string
  readonly cell: (row: Row) => ReactNode
  /** Left out on pages narrower than this. Default: always there. */
  readonly from?: Exclude<Width, 'phone'>
  /** Figures stand at the right. */
  readonly figures?: boolean
  /** What rows are put in order by. Absent: they are not, by this column. */
  readonly sort?: (row: Row) => string | number
}

export interface TableProps<Row> {
  /** What the table lists, for those who do not see it. */
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  /** Opens a row's details: by click, Enter or Space. */
  readonly onOpen?: (row: Row) => void
  /** The last rows are near: time for the next page. */
  readonly onEnd?: () => void
  /** Whether the first row is in sight, at each change. */
  readonly onScrolled?: (atTop: boolean) => void
  /** How the rows are sorted now; null: as they came. With `onSort`, which is told of the column that is chosen. */
  readonly sort?: Sort | null
  readonly onSort?: (column: Column<Row>) => void
  /** How high at most, in CSS. Default: what is left of the window. */
  readonly height?: string
}

const order: readonly Width[] = ['phone', 'medium', 'wide']

/**
 * A table of any length: only rows in sight are in the page. Arrow keys, Page Up and Down, Home and End walk through the
 * rows, Enter opens one.
 */
export function Table<Row>({
  label,
  columns,
  rows,
  keyOf,
  onOpen,
  onEnd,
  onScrolled,
  sort = null,
  onSort,
  height = 'calc(100dvh - 13.5rem)',
}: TableProps<Row>) {
  const scroller = useRef<HTMLDivElement>(null)
  const [active, setActive] = useState(0)
  const [focused, setFocused] = useState(false)
  const width = useWidth()
  const shown = useMemo(
    () => columns.filter(({ from }) => from === undefined || order.indexOf(width) >= order.indexOf(from)),
    [columns, width],
  )
  const template = shown.map((column) => column.width).join(' ')
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    getItemKey: useCallback((index: number) => keyOf(rows[index] as Row), [rows, keyOf]),
  })
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (rows.length > 0 && last >= rows.length - 20) onEnd?.()
  }, [last, rows.length, onEnd])
  const at = Math.min(active, Math.max(0, rows.length - 1))

  // The row that has the focus may have left the page meanwhile: it comes back before it is focused.
  useEffect(() => {
    if (!focused) return
    virtual.scrollToIndex(at, { align: 'auto' })
    const frame = requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[data-index="${at}"]`)?.focus({ preventScroll: true }),
    )
    return () => cancelAnimationFrame(frame)
  }, [at, focused, virtual])

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target instanceof HTMLElement && event.target.closest('button, a, input, select')) return
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 1)
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: rows.length - 1,
    }
    const next = steps[event.key]
    if (next !== undefined) {
      event.preventDefault()
      setActive(Math.max(0, Math.min(rows.length - 1, next)))
    } else if ((event.key === 'Enter' || event.key === ' ') && onOpen) {
      event.preventDefault()
      onOpen(rows[at] as Row)
    }
  }

  return (
    <div
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={shown.length}
      className="min-w-0 overflow-x-auto text-[0.8125rem]"
    >
      {/* As wide as the rows, also where the bar to scroll them takes room. */}
      <div role="rowgroup" className="overflow-hidden border-b border-line [scrollbar-gutter:stable]">
        <div
          role="row"
          aria-rowindex={1}
          style={{ gridTemplateColumns: template }}
          className="grid gap-x-3 md:gap-x-4 px-4 py-2 text-xs font-medium text-muted"
        >
          {shown.map((column) => (
            <ColumnHeader key={column.title} column={column} sort={sort} onSort={onSort} />
          ))}
        </div>
      </div>
      <div
        ref={scroller}
        role="rowgroup"
        style={{ maxHeight: height }}
        className="overflow-y-auto overscroll-contain [scrollbar-gutter:stable]"
        onKeyDown={onKeyDown}
        onScroll={({ currentTarget }) => onScrolled?.(currentTarget.scrollTop < rowHeight)}
      >
        <div role="presentation" style={{ height: virtual.getTotalSize() }} className="relative">
          {items.map(({ key, index, start }) => (
            <TableRow
              key={key}
              row={rows[index] as Row}
              index={index}
              start={start}
              isActive={index === at}
              columns={shown}
              template={template}
              onOpen={onOpen}
              onActive={setActive}
              onFocused={setFocused}
            />
          ))}
        </div>
      </div>
    </div>
  )
}
