import { Day } from '../client/day.js'

declare global {
  var day: Day
}

// Of Node alone; the fake clock lets promises settle by it.
const turns: (() => void)[] = []
const channel = new MessageChannel()
channel.port1.onmessage = () => turns.shift()?.()
globalThis.setImmediate ??= ((turn: () => void) => {
  turns.push(turn)
  channel.port2.postMessage(0)
}) as typeof setImmediate
globalThis.day = new Day()
