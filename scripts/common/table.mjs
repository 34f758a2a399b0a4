// A table in plain text: the first two columns are words, the rest numbers and aligned right.

const textColumns = 2
const gap = '  '

export function formatTable(headings, rows) {
  const widths = headings.map((heading, column) => Math.max(heading.length, ...rows.map((row) => row[column].length)))
  const formatRow = (cells) =>
    cells
      .map((cell, column) => (column < textColumns ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join(gap)
      .trimEnd()
  const rule = widths.map((width) => '-'.repeat(width)).join(gap)
  return [formatRow(headings), rule, ...rows.map(formatRow)].join('\n')
}
