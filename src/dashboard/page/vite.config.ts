import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { type Plugin, defineConfig } from 'vite'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** sonner writes its style sheet into the page as it loads, which the policy of the page forbids: `style.css` imports it as a file. */
const styleOfToastsAsFile: Plugin = {
  name: 'style-of-toasts-as-file',
  transform(code, id) {
    if (!id.includes('sonner/dist/index.mjs')) return null
    const without = code.replace(/^__insertCSS\(".*"\);?$/m, '')
    if (without === code) throw new Error('sonner no longer inserts its style as it did: see this plugin')
    return { code: without, map: null }
  },
}

export default defineConfig({
  root: here('.'),
  // Below the address of the page, wherever the hub is mounted.
  base: './',
  plugins: [react(), tailwindcss(), styleOfToastsAsFile],
  build: {
    outDir: here('../../../dist/dashboard/page'),
    emptyOutDir: true,
    // One folder, and nothing written into a file as text: the server part serves names with a dot, the policy wants files.
    assetsDir: '',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: ['chrome123', 'firefox121', 'safari17.5'],
    cssTarget: ['chrome123', 'firefox121', 'safari17.5'],
    chunkSizeWarningLimit: 700,
  },
})
