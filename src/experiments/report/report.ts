import type { Experiment, Figure, Finding, Result } from '../experiment.js'
import { chart, legend } from './chart.js'
import { element, escapeText, table } from './markup.js'
import { style } from './style.js'

/** Where and with what an experiment was made. */
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

/** One page, complete in itself: no script, no font, nothing loaded from anywhere. */
export function report(experiment: Experiment, result: Result, about: About): string {
  const title = escapeText(experiment.title)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="generator" content="evenkeel ${escapeText(about.version)}">
<title>${title} · Evenkeel</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>${title}</h1>
${lead(experiment, result)}
</header>
${findingsSection(result)}
${section('results', 'Results', table(experiment.summary(result)))}
${experiment.figures(result).map(figure).join('\n')}
${methodSection(experiment, result, about)}
</main>
</body>
</html>
`
}

function lead(experiment: Experiment, { settings, runs, planned, complete }: Result): string {
  const notice = complete
    ? ''
    : `<p class="notice">Stopped early: ${runs.length} of ${planned} runs were begun, and this page shows what was measured until then.</p>`
  return `<p class="lead">${escapeText(experiment.introduction(settings))}</p>${notice}`
}

const section = (id: string, heading: string, content: string): string =>
  element('section', { 'aria-labelledby': id }, `<h2 id="${id}">${heading}</h2>${content}`)

function findingsSection({ findings }: Result): string {
  if (findings.length === 0) return ''
  const items = findings.map((finding) => element('li', {}, findingMarkup(finding))).join('\n')
  return section('findings', 'Findings', `<p class="note">Computed from the figures below.</p><ul class="findings">${items}</ul>`)
}

const findingMarkup = ({ claim, verdict, text }: Finding): string =>
  verdict ? `${escapeText(claim)} <strong>${capital(verdict)}.</strong> ${escapeText(text)}` : escapeText(text)

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

function figure({ id, heading, text, charts, columns, legend: names, table: data }: Figure, i: number): string {
  const caption = element('figcaption', {}, `${element('h2', { id }, `${i + 1}. ${escapeText(heading)}`)}<p>${escapeText(text)}</p>${legend(names)}`)
  const panels = element('div', { class: 'panels', style: `--columns: ${columns}` }, charts.map(chart).join('\n'))
  const details = `<details><summary>The numbers of figure ${i + 1}</summary>${table(data)}</details>`
  return element('figure', { 'aria-labelledby': id }, `${caption}\n${panels}\n${details}`)
}

function methodSection(experiment: Experiment, result: Result, about: About): string {
  const entries = [...experiment.method(result), ['Date', about.date], ['Machine', about.machine], ['Software', `evenkeel ${about.version}, ${about.runtime}`]]
  const list = entries.map(([term, text]) => `<dt>${escapeText(term)}</dt><dd>${escapeText(text)}</dd>`).join('\n')
  const again = `<dt>Again</dt><dd><code>${escapeText(about.command)}</code></dd>`
  return section('method', 'How it was measured', `<dl>${list}\n${again}</dl>`)
}
