import { Component, type ReactNode } from 'react'
import { Failure } from '../ui/states.js'

/**
 * A view whose file does not come (the hub is away, or was upgraded and has other files now) is told of in its place: without
 * this React would take the whole page away. One that was loaded and failed is told of too. Give it the path as its `key`.
 */
export class ViewBoundary extends Component<{ readonly children: ReactNode }, { readonly error: Error | null }> {
  override state: { readonly error: Error | null } = { error: null }

  static getDerivedStateFromError(error: Error): { readonly error: Error } {
    return { error }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (!error) return this.props.children
    const words = isOfLoading(error)
      ? 'This view could not be loaded. The hub may be restarting, or the network is away.'
      : `This view failed: ${error.message}`
    return <Failure error={new Error(words, { cause: error })} retry={() => location.reload()} />
  }
}

/** In the words of Chromium, Firefox and Safari; of Vite where a style sheet does not come. */
const isOfLoading = ({ message }: Error): boolean =>
  /dynamically imported module|importing a module script|unable to preload/i.test(message)
