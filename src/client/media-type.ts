/** The type of an answer, without its parameters. */
export const mediaType = ({ headers }: Response): string | undefined =>
  headers.get('Content-Type')?.split(';')[0]?.trim().toLowerCase()
