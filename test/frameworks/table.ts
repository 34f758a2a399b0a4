/** One way of one framework to send a file. */
export interface Row {
  packages: string
  what: string
  /** Files that the kernel sent. */
  sent: number
  /** Of the answer. */
  bodyBytes: number
  reasons: string[]
}

const heading = ['With', 'A file sent by', 'The kernel sends it']

/** A table in Markdown. */
export function formatTable(rows: Row[]): string {
  const lines = rows.map((row) => [row.packages, row.what, verdict(row)])
  return [heading, heading.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function verdict({ sent, bodyBytes, reasons }: Row): string {
  const why = reasons.map((reason) => `\`${reason}\``).join(', ')
  if (sent === 0 && why === '') return bodyBytes === 0 ? 'there is nothing to send' : 'no: it is not a `fs.ReadStream`'
  if (sent === 0) return `no: ${why}`
  return why === '' ? 'yes' : `all but a part: ${why}`
}

/** That of a document. */
export function tableOf(markdown: string): string {
  return markdown.split('\n').filter(isOfTable).join('\n')
}

/** The document with another table. */
export function withTable(markdown: string, table: string): string {
  return markdown.replace(tableOf(markdown), () => table)
}

function isOfTable(line: string): boolean {
  return line.startsWith('|')
}
