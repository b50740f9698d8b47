import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Requests that may wait behind another on one connection. Node reads on while they do: behind a poll that was held,
 * 5 MB of them took 400 MB of memory. Browsers send none, programs a few dozen.
 */
const mostBehind = 100

/** Those that wait on a connection: what tells each that it is over. One listener for all of them. */
const behind = new WeakMap<Socket, Set<() => void>>()

/**
 * A response behind another on the same connection has no socket before its turn, and is told of no close: it waits for
 * either. False: the connection closed first, as it does where too many wait.
 */
export function itsTurn(incoming: IncomingMessage, response: ServerResponse): boolean | Promise<boolean> {
  if (response.socket) return true
  const { socket } = incoming
  if (socket.destroyed) return false
  const waiting = waitingOn(socket)
  if (waiting.size >= mostBehind) {
    // An answer would be taken for one to the request at the head.
    socket.destroy()
    return false
  }
  return new Promise((resolve) => {
    const settle = (turn: boolean): void => {
      response.off('socket', begin)
      waiting.delete(stop)
      resolve(turn)
    }
    const begin = (): void => settle(true)
    const stop = (): void => settle(false)
    response.once('socket', begin)
    waiting.add(stop)
  })
}

function waitingOn(socket: Socket): Set<() => void> {
  const known = behind.get(socket)
  if (known) return known
  const waiting = new Set<() => void>()
  behind.set(socket, waiting)
  socket.once('close', () => {
    for (const stop of waiting) stop()
  })
  return waiting
}
