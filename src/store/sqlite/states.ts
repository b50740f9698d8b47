import { utf8Bytes } from '../event-size.js'
import type { DueState, Kept, State, StatePage, StateQuery, StateWrite } from '../store.js'
import type { Database } from './driver.js'
import { type Ledger, type NamespaceRecord, positionOf } from './ledger.js'
import type { Meta } from './schema.js'

interface StateRow extends State {
  readonly row: number
}

/** With what it is counted under. */
interface CountedRow extends StateRow {
  readonly label: string | null
  readonly deadline: number | null
  readonly lease_ms: number | null
}

/** States and their deadlines. Deadlines are on the store's steady clock. */
export class States {
  readonly #ledger: Ledger
  readonly #meta: Meta
  readonly #select
  readonly #insert
  readonly #update
  readonly #updateValue
  readonly #delete
  readonly #list
  readonly #listGroup
  readonly #grantLeases
  readonly #due
  readonly #tally
  readonly #tallies

  constructor(database: Database, ledger: Ledger, meta: Meta) {
    this.#ledger = ledger
    this.#meta = meta
    const columns = 'row, topic, version, value'
    this.#select = database.prepare(
      `SELECT ${columns}, label, deadline, lease_ms FROM states WHERE namespace = ? AND topic = ?`,
    )
    this.#insert = database.prepare(
      'INSERT INTO states (namespace, topic, version, value, part_of, label, deadline, lease_ms) VALUES (?, ?, 1, ?, ?, ?, ?, ?)',
    )
    this.#update = database.prepare(
      'UPDATE states SET version = version + 1, value = ?, label = ?, deadline = ?, lease_ms = ? WHERE row = ?',
    )
    this.#updateValue = database.prepare('UPDATE states SET version = version + 1, value = ?, label = ? WHERE row = ?')
    this.#delete = database.prepare('DELETE FROM states WHERE row = ?')
    const page = 'row < ? ORDER BY row DESC LIMIT ?'
    this.#list = database.prepare(`SELECT ${columns} FROM states NOT INDEXED WHERE namespace = ? AND ${page}`)
    this.#listGroup = database.prepare(`SELECT ${columns} FROM states WHERE namespace = ? AND part_of = ? AND ${page}`)
    this.#grantLeases = database.prepare(
      'UPDATE states SET deadline = ? + lease_ms WHERE deadline IS NOT NULL AND lease_ms IS NOT NULL AND deadline < ? + lease_ms',
    )
    this.#due = database.prepare(
      'SELECT namespaces.name AS namespace, topic, version, value FROM states JOIN namespaces USING (namespace) ' +
        'WHERE deadline <= ? ORDER BY deadline LIMIT ?',
    )
    this.#tally = database.prepare(
      'INSERT INTO tallies VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count',
    )
    this.#tallies = database.prepare('SELECT name, count FROM tallies WHERE namespace = ? AND count > 0')
  }

  find(namespace: NamespaceRecord, topic: string): State | null {
    const found = this.#find(namespace, topic)
    return found ? stateOf(found) : null
  }

  write(namespace: NamespaceRecord, write: StateWrite, steadyMs: number): void {
    if (write.value === null) return this.remove(namespace, write.topic)
    const before = this.#find(namespace, write.topic)
    const given = write.deadline === 'kept' ? null : write.deadline
    const deadline = given ? steadyMs + given.afterMs : null
    const leaseMs = given?.lease ? given.afterMs : null
    const label = write.label ?? null
    namespace.bytes += utf8Bytes(write.value) - (before ? utf8Bytes(before.value) : 0)
    this.#ledger.changed(namespace)
    if (before && write.deadline === 'kept') this.#updateValue.run(write.value, label, before.row)
    else if (before) this.#update.run(write.value, label, deadline, leaseMs, before.row)
    else this.#insert.run(namespace.namespace, write.topic, write.value, write.group ?? null, label, deadline, leaseMs)
    const after = write.deadline === 'kept' ? { ...before, label } : { label, deadline, lease_ms: leaseMs }
    this.#count(namespace, before, after)
  }

  remove(namespace: NamespaceRecord, topic: string): void {
    const before = this.#find(namespace, topic)
    if (!before) return
    namespace.bytes -= utf8Bytes(before.value)
    this.#ledger.changed(namespace)
    this.#delete.run(before.row)
    this.#count(namespace, before, undefined)
  }

  /** Newest first by when they were made. */
  list(namespace: NamespaceRecord, { group, limit, after }: StateQuery): StatePage {
    const before = after === undefined ? Number.MAX_SAFE_INTEGER : Number(after)
    const rows = (
      group === undefined
        ? this.#list.all(namespace.namespace, before, limit + 1)
        : this.#listGroup.all(namespace.namespace, group, before, limit + 1)
    ) as StateRow[]
    const page = rows.slice(0, limit)
    const last = page.at(-1)
    return {
      states: page.map(stateOf),
      upTo: positionOf(namespace),
      ...(rows.length > limit && last && { next: String(last.row) }),
    }
  }

  /** The moment of each call is kept in the file, so that a pause shows over a restart too. */
  due({ limit, pauseMs }: { limit: number; pauseMs: number }, steadyMs: number): readonly DueState[] {
    const askedMs = this.#meta.read('dueMs') ?? 0
    if (steadyMs - askedMs > pauseMs) this.#grantLeases.run(steadyMs, steadyMs)
    this.#meta.write('dueMs', steadyMs)
    return this.#due.all(steadyMs, limit).map((row) => ({ ...(row as DueState) }))
  }

  counted(namespace: NamespaceRecord): Pick<Kept, 'leases' | 'deadlines' | 'labels'> {
    const found = this.#tallies.all(namespace.namespace) as { name: string; count: number }[]
    const counts = new Map(found.map(({ name, count }) => [name, count]))
    const labels = found.filter(({ name }) => name.startsWith(labelled))
    return {
      leases: counts.get('lease') ?? 0,
      deadlines: counts.get('deadline') ?? 0,
      labels: Object.fromEntries(labels.map(({ name, count }) => [name.slice(labelled.length), count])),
    }
  }

  #find(namespace: NamespaceRecord, topic: string): CountedRow | undefined {
    return this.#select.get(namespace.namespace, topic) as CountedRow | undefined
  }

  #count({ namespace }: NamespaceRecord, before: Counted | undefined, after: Counted | undefined): void {
    const from = namesOf(before)
    const to = namesOf(after)
    for (const name of from) if (!to.includes(name)) this.#tally.run(namespace, name, -1)
    for (const name of to) if (!from.includes(name)) this.#tally.run(namespace, name, 1)
  }
}

/** Before the name of a label, so that none can be taken for a word of ours. */
const labelled = 'label '

type Counted = Partial<Pick<CountedRow, 'label' | 'deadline' | 'lease_ms'>>

function namesOf(counted: Counted | undefined): readonly string[] {
  const { label = null, deadline = null, lease_ms = null } = counted ?? {}
  const names = deadline === null ? [] : [lease_ms === null ? 'deadline' : 'lease']
  return label === null ? names : [...names, labelled + label]
}

const stateOf = ({ topic, version, value }: State): State => ({ topic, version, value })
