import { element } from './element.js'
import { requests, type Visitor } from './requests.js'

/** Asks for a name; resolves once the server has set its cookie. */
export function signIn(place: Element): Promise<Visitor> {
  return new Promise((resolve) => {
    const input = element('input', {
      id: 'name',
      name: 'name',
      required: true,
      maxlength: 40,
      autocomplete: 'nickname',
    })
    const problem = element('p', { class: 'problem', role: 'alert' })
    const submit = async (event: Event): Promise<void> => {
      event.preventDefault()
      try {
        resolve(await requests.signIn(input.value))
      } catch (error) {
        problem.textContent = (error as Error).message
      }
    }
    place.replaceChildren(
      element(
        'section',
        { class: 'welcome card' },
        element('h1', {}, 'Documentation, as Markdown'),
        element(
          'p',
          {},
          'Give the address of a documentation site and watch every page being found, read and turned into Markdown. ' +
            'You see your own crawls and nobody else’s.',
        ),
        element(
          'form',
          { onsubmit: submit },
          element('label', { for: 'name' }, 'Your name'),
          element('div', { class: 'together' }, input, element('button', { class: 'primary' }, 'Begin')),
          problem,
        ),
      ),
    )
    input.focus()
  })
}
