import { memo } from 'react'
import { classNames } from './class-names.js'
import type { Column } from './table.js'

export const rowHeight = 40

export interface TableRowProps<Row> {
  readonly row: Row
  readonly index: number
  /** From the top of the list, in px. */
  readonly start: number
  /** The one that Tab goes to. */
  readonly isActive: boolean
  readonly columns: readonly Column<Row>[]
  /** The widths of the columns, as the CSS grid has them. */
  readonly template: string
  readonly onOpen: ((row: Row) => void) | undefined
  readonly onActive: (index: number) => void
  readonly onFocused: (isFocused: boolean) => void
}

/** One row. It is drawn anew only when something of its own changes: scrolling through thousands draws those that come in. */
export const TableRow = memo(function TableRow<Row>(props: TableRowProps<Row>) {
  const { row, index, start, isActive, columns, template, onOpen, onActive, onFocused } = props
  return (
    <div
      role="row"
      data-index={index}
      aria-rowindex={index + 2}
      tabIndex={isActive ? 0 : -1}
      style={{ gridTemplateColumns: template, height: rowHeight, transform: `translateY(${start}px)` }}
      onClick={() => {
        onActive(index)
        onOpen?.(row)
      }}
      onFocus={() => {
        onActive(index)
        onFocused(true)
      }}
      onBlur={() => onFocused(false)}
      className={classNames(
        'absolute inset-x-0 top-0 grid items-center gap-x-3 border-b border-line px-4 focus-visible:-outline-offset-2 md:gap-x-4',
        onOpen && 'cursor-pointer hover:bg-raised',
      )}
    >
      {columns.map((column) => (
        <div
          role="cell"
          key={column.title}
          className={classNames('min-w-0 truncate', column.figures && 'figures text-right')}
        >
          {column.cell(row)}
        </div>
      ))}
    </div>
  )
}) as <Row>(props: TableRowProps<Row>) => React.ReactNode
