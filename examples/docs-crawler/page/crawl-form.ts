import { element } from './element.js'
import { type Crawl, Refused, requests } from './requests.js'

/** The form that begins a crawl. `begun` is called with it. */
export function crawlForm(begun: (crawl: Crawl) => void): HTMLElement {
  const url = element('input', {
    id: 'url',
    name: 'url',
    type: 'text',
    inputmode: 'url',
    required: true,
    placeholder: 'docs.example.com/guide/',
    autocomplete: 'url',
    autocapitalize: 'off',
    spellcheck: 'false',
    'aria-describedby': 'crawl-problem',
  })
  const depth = element('input', {
    id: 'depth',
    name: 'maxDepth',
    type: 'number',
    min: 0,
    max: 20,
    value: 3,
    required: true,
  })
  const pages = element('input', {
    id: 'pages',
    name: 'maxPages',
    type: 'number',
    min: 1,
    max: 5_000,
    value: 100,
    required: true,
  })
  const button = element('button', { class: 'primary' }, 'Crawl')
  const problem = element('p', { class: 'problem', role: 'alert', id: 'crawl-problem' })
  const fields: Record<string, HTMLInputElement> = { url, maxDepth: depth, maxPages: pages }

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    button.disabled = true
    problem.textContent = ''
    for (const field of Object.values(fields)) field.removeAttribute('aria-invalid')
    try {
      begun(await requests.begin({ url: url.value, maxDepth: depth.valueAsNumber, maxPages: pages.valueAsNumber }))
      url.value = ''
    } catch (error) {
      problem.textContent = (error as Error).message
      const field = error instanceof Refused && error.field ? fields[error.field] : undefined
      field?.setAttribute('aria-invalid', 'true')
      field?.focus()
    } finally {
      button.disabled = false
    }
  }
  return element(
    'form',
    { class: 'card crawl-form', onsubmit: submit },
    element('h2', {}, 'New crawl'),
    element('label', { for: 'url' }, 'Address of the documentation'),
    url,
    element(
      'div',
      { class: 'limits' },
      element('div', {}, element('label', { for: 'depth' }, 'Links deep'), depth),
      element('div', {}, element('label', { for: 'pages' }, 'Pages at most'), pages),
      button,
    ),
    problem,
  )
}
