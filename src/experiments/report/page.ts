import { element, escapeText } from './markup.js'
import { style } from './style.js'

/** Where and with what figures were made. */
export interface About {
  /** When it began, ISO 8601. */
  date: string
  /** Of this package. */
  version: string
  /** Such as `Node v20.20.2` */
  runtime: string
  /** Such as `2 x Intel Xeon, linux x64` */
  machine: string
  /** Makes it again. */
  command: string
}

/** One page, complete in itself: no script, no font, nothing loaded from anywhere. @param body markup */
export function page(title: string, body: readonly string[], about: About): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="generator" content="evenkeel ${escapeText(about.version)}">
<title>${escapeText(title)} · Evenkeel</title>
<style>${style}</style>
</head>
<body>
<main>
${body.join('\n')}
</main>
</body>
</html>
`
}

export const section = (id: string, heading: string, content: string): string =>
  element('section', { 'aria-labelledby': id }, `<h2 id="${id}">${escapeText(heading)}</h2>${content}`)

/** How it was measured. @param terms of the method, before those of the machine */
export function methodSection(terms: readonly (readonly [term: string, text: string])[], about: About): string {
  const entries = [...terms, ['Date', about.date], ['Machine', about.machine], ['Software', `evenkeel ${about.version}, ${about.runtime}`]]
  const list = entries.map(([term, text]) => `<dt>${escapeText(term)}</dt><dd>${escapeText(text)}</dd>`).join('\n')
  const again = `<dt>Again</dt><dd><code>${escapeText(about.command)}</code></dd>`
  return section('method', 'How it was measured', `<dl>${list}\n${again}</dl>`)
}
