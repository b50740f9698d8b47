/** `<base>` names the folder of the page, wherever the hub is mounted; the hub is the folder above. */
const page = new URL('./', document.baseURI)

/** The path of the page without its last slash, for the router. */
export const pagePath = page.pathname.replace(/\/$/, '')

/** Where the hub is, without a last slash. */
export const hubUrl = new URL('..', page).href.replace(/\/$/, '')
