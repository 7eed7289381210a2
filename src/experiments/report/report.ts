import type { Experiment, Figure, Finding, Result } from '../experiment.js'
import { chart, legend } from './chart.js'
import { element, escapeText, table } from './markup.js'
import { type About, methodSection, page, section } from './page.js'

/** The page of an experiment. */
export function report(experiment: Experiment, result: Result, about: About): string {
  const body = [
    `<header>\n<h1>${escapeText(experiment.title)}</h1>\n${lead(experiment, result)}\n</header>`,
    findingsSection(result),
    section('results', 'Results', table(experiment.summary(result))),
    ...experiment.figures(result).map(figure),
    methodSection(experiment.method(result), about),
  ]
  return page(experiment.title, body, about)
}

function lead(experiment: Experiment, { settings, runs, planned, complete }: Result): string {
  const notice = complete
    ? ''
    : `<p class="notice">Stopped early: ${runs.length} of ${planned} runs were begun, and this page shows what was measured until then.</p>`
  return `<p class="lead">${escapeText(experiment.introduction(settings))}</p>${notice}`
}

function findingsSection({ findings }: Result): string {
  if (findings.length === 0) return ''
  const items = findings.map((finding) => element('li', {}, findingMarkup(finding))).join('\n')
  return section('findings', 'Findings', `<p class="note">Computed from the figures below.</p><ul class="findings">${items}</ul>`)
}

const findingMarkup = ({ claim, verdict, text }: Finding): string =>
  verdict ? `${escapeText(claim)} <strong>${capital(verdict)}.</strong> ${escapeText(text)}` : escapeText(text)

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

export function figure({ id, heading, text, charts, columns, legend: names, table: data }: Figure, i: number): string {
  const caption = element('figcaption', {}, `${element('h2', { id }, `${i + 1}. ${escapeText(heading)}`)}<p>${escapeText(text)}</p>${legend(names)}`)
  const panels = element('div', { class: 'panels', style: `--columns: ${columns}` }, charts.map(chart).join('\n'))
  const details = `<details><summary>The numbers of figure ${i + 1}</summary>${table(data)}</details>`
  return element('figure', { 'aria-labelledby': id }, `${caption}\n${panels}\n${details}`)
}
