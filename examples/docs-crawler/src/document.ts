import { load } from 'cheerio'
import { parseHTML } from 'linkedom'

/**
 * A DOM of any HTML. linkedom takes the text as it stands: without `<html>` and `<body>`, which HTML allows, it finds
 * neither. cheerio reads it as browsers do and puts them in first.
 */
export function parseDocument(html: string): Document {
  return parseHTML(load(html).html()).document
}
