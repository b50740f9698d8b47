import { useMemo, useState } from 'react'
import type { Column } from './table.js'

/** By which column, and from which end. */
export interface Sort {
  readonly by: string
  readonly descending: boolean
}

export interface Sorting<Row> {
  /** Null: as the rows come. */
  readonly sort: Sort | null
  readonly onSort: (column: Column<Row>) => void
  readonly valueOf: ((row: Row) => string | number) | undefined
}

/** A column chosen once: figures the largest first, names from A on; again: the other way; a third time: as they come. */
export function useSorting<Row>(columns: readonly Column<Row>[]): Sorting<Row> {
  const [sort, setSort] = useState<Sort | null>(null)
  const column = sort && columns.find(({ title }) => title === sort.by)
  const onSort = ({ title, figures = false }: Column<Row>): void =>
    setSort((before) => {
      if (before?.by !== title) return { by: title, descending: figures }
      return before.descending === figures ? { by: title, descending: !figures } : null
    })
  return { sort: column ? sort : null, onSort, valueOf: column?.sort }
}

/** Equal ones stay as they came. Values are read once and compared as they are: ten thousand take a few milliseconds. */
export function useSorted<Row>(rows: readonly Row[], { sort, valueOf }: Sorting<Row>): readonly Row[] {
  return useMemo(() => {
    if (!sort || !valueOf) return rows
    const sign = sort.descending ? -1 : 1
    return rows
      .map((row) => ({ row, value: valueOf(row) }))
      .sort((a, b) => (a.value < b.value ? -sign : a.value > b.value ? sign : 0))
      .map(({ row }) => row)
  }, [rows, sort, valueOf])
}
