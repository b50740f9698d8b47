import type { Socket } from 'node:net'

/** How much of a socket's queue the operating system has not taken yet. Node offers it to nobody, but counts it. */
type CountingSocket = Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null }

/** Changes whenever bytes that wait leave, and by nothing else. */
export function progressOf(socket: CountingSocket): string {
  // Written less waiting is what has left whole; what is left of the write under way is counted by the handle.
  return `${socket.bytesWritten - socket.writableLength}:${socket._handle?.writeQueueSize}`
}
