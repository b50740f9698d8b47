import { ArrowDown, ArrowUp } from 'lucide-react'
import { classNames } from './class-names.js'
import type { Sort } from './sort.js'
import type { Column } from './table.js'

/** The head of a column; where rows can be sorted by it, a button that says how they are. */
export function ColumnHeader<Row>({
  column,
  sort,
  onSort,
}: {
  column: Column<Row>
  sort: Sort | null
  onSort: ((column: Column<Row>) => void) | undefined
}) {
  const { title, figures } = column
  if (!onSort || !column.sort) {
    return (
      <div role="columnheader" className={classNames('truncate', figures && 'text-right')}>
        {title}
      </div>
    )
  }
  const isSorted = sort?.by === title
  const Arrow = isSorted && sort.descending ? ArrowDown : ArrowUp
  return (
    <div
      role="columnheader"
      aria-sort={isSorted ? (sort.descending ? 'descending' : 'ascending') : 'none'}
      className={classNames('flex min-w-0', figures && 'justify-end')}
    >
      <button
        type="button"
        title={`Sort by ${title.toLowerCase()}`}
        onClick={() => onSort(column)}
        className={classNames(
          'group flex min-w-0 items-center gap-0.5 rounded-sm hover:text-ink',
          figures && 'flex-row-reverse',
          isSorted && 'text-ink',
        )}
      >
        <span className="truncate">{title}</span>
        <Arrow
          aria-hidden
          className={classNames(
            'size-3 shrink-0',
            !isSorted && 'opacity-0 group-hover:opacity-60 group-focus-visible:opacity-60',
          )}
        />
      </button>
    </div>
  )
}
