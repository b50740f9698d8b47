/** One block of an event stream, before it is text. */
export interface SseBlock {
  readonly event?: string | undefined
  readonly id?: string | undefined
  readonly retryMs?: number | undefined
  readonly data?: string | undefined
  readonly comment?: string | undefined
}

const lineEnd = /\r\n|\r|\n/
const breaksField = /[\r\n\0]/

/**
 * Writes one block of `text/event-stream` (WHATWG HTML § 9.2), with its closing blank line. This is the only place that
 * writes the wire: whatever the strings hold, the result is one block and no field can be injected (H4). `data` and
 * `comment` are split at CR, LF and CRLF, one field a line; `event` and `id` throw on them and on NUL.
 */
export function encodeSse(block: SseBlock): string {
  let text = ''
  if (block.comment !== undefined) for (const line of block.comment.split(lineEnd)) text += `: ${line}\n`
  if (block.retryMs !== undefined) {
    if (!Number.isSafeInteger(block.retryMs) || block.retryMs < 0)
      throw new RangeError('retryMs must be a whole number, at least 0')
    text += `retry: ${block.retryMs}\n`
  }
  if (block.id !== undefined) text += `id: ${oneLine(block.id, 'id')}\n`
  if (block.event !== undefined) text += `event: ${oneLine(block.event, 'event')}\n`
  if (block.data !== undefined) {
    if (breaksField.test(block.data)) for (const line of block.data.split(lineEnd)) text += `data: ${line}\n`
    else text += `data: ${block.data}\n`
  }
  return `${text}\n`
}

function oneLine(value: string, field: string): string {
  if (breaksField.test(value)) throw new RangeError(`SSE ${field} must not contain CR, LF or NUL`)
  return value
}
