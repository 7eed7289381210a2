import { normLabel } from '../../models/index.js'
import { percent } from '../compare/findings.js'
import { type CompareResult, checkpoints, type RunResult } from '../compare/result.js'
import { number } from './chart.js'
import { figures } from './figures.js'
import { element, escapeText, table } from './markup.js'
import { style } from './style.js'

/** Where and with what a comparison was made. */
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

export interface ResultColumn {
  label: string
  /** The same for a narrow place, in lines. */
  short: readonly string[]
  value: (run: RunResult) => string | null
}

/** The columns that the terminal and the report show of a run. */
export function resultColumns({ settings, testImages }: CompareResult): ResultColumn[] {
  const count = (n: number) => n.toLocaleString('en-US')
  return [
    { label: 'Batch size', short: ['batch', 'size'], value: (run) => String(run.batchSize) },
    { label: 'Learning rate', short: ['learn.', 'rate'], value: (run) => String(run.learningRate) },
    {
      label: 'Steps',
      short: ['steps'],
      value: (run) => (run.divergence ? `diverged at ${run.divergence.step}` : run.status === 'stopped' ? `stopped after ${run.steps}` : count(run.steps)),
    },
    {
      label: `Test accuracy (${count(testImages)} digits)`,
      short: ['test', 'acc.'],
      value: (run) => (run.testAccuracy === null ? null : percent(run.testAccuracy)),
    },
    ...checkpoints(settings.samples).at.map((samples, i) => ({
      label: `Training loss at ${count(samples)}`,
      short: ['loss at', count(samples)],
      value: ({ lossAt }: RunResult) => {
        const loss = lossAt[i]?.loss ?? null
        return loss === null ? null : loss.toFixed(3)
      },
    })),
    { label: 'ms per step', short: ['ms per', 'step'], value: ({ msPerStep }) => (msPerStep === null ? null : msPerStep.toFixed(2)) },
    {
      label: 'Gradient norm, first layer',
      short: ['gradient', 'norm, 1st'],
      value: ({ firstLayerGradientNorm: norm }) => (norm === null ? null : number(norm)),
    },
  ]
}

/** Whether no other run at the same batch size and learning rate recognises more. */
export const isBest = (run: RunResult, { runs }: CompareResult): boolean =>
  run.testAccuracy !== null &&
  runs
    .filter((other) => other.batchSize === run.batchSize && other.learningRate === run.learningRate)
    .every((other) => (other.testAccuracy ?? 0) <= (run.testAccuracy ?? 0))

/** One page, complete in itself: no script, no font, nothing loaded from anywhere. */
export function report(result: CompareResult, about: About): string {
  const title = 'What normalization does to training'
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
${lead(result)}
</header>
${findingsSection(result)}
${resultsSection(result)}
${figures(result)}
${methodSection(result, about)}
</main>
</body>
</html>
`
}

const listed = (items: readonly (string | number)[]): string => items.join(', ')

function lead({ settings, runs, complete }: CompareResult): string {
  const { norms, batchSizes, learningRates, samples, imageSize } = settings
  const planned = norms.length * batchSizes.length * learningRates.length
  const text = `The same convolutional network, from the same initial weights and on the same handwritten digits in the same order, trained with
${listed([...new Set(norms)].map(normLabel))}; batch size ${listed(batchSizes)}; learning rate ${listed(learningRates)}. Each run sees ${samples.toLocaleString('en-US')} images of ${imageSize} x ${imageSize} pixels.`
  const notice = complete
    ? ''
    : `<p class="notice">Stopped early: ${runs.length} of ${planned} runs were begun, and this page shows what was measured until then.</p>`
  return `<p class="lead">${escapeText(text)}</p>${notice}`
}

function findingsSection({ findings }: CompareResult): string {
  if (findings.length === 0) return ''
  const items = findings.map((finding) => element('li', {}, escapeText(finding))).join('\n')
  return element(
    'section',
    { 'aria-labelledby': 'findings' },
    `<h2 id="findings">Findings</h2><p class="note">Computed from the figures below.</p><ul class="findings">${items}</ul>`,
  )
}

function resultsSection(result: CompareResult): string {
  const columns = resultColumns(result)
  const rows = result.runs.map((run) => [normLabel(run.norm), ...columns.map(({ value }) => value(run))])
  const accuracy = columns.findIndex(({ label }) => label.startsWith('Test accuracy')) + 1
  const strong = (row: number, column: number) => (column === accuracy || column === 0) && isBest(result.runs[row], result)
  const body = table(
    'One row a run; the best test accuracy of each batch size and learning rate is bold.',
    [{ label: 'Norm' }, ...columns.map(({ label }) => ({ label, numeric: true }))],
    rows,
    strong,
  )
  return element('section', { 'aria-labelledby': 'results' }, `<h2 id="results">Results</h2>${body}`)
}

function methodSection({ settings, trainingImages, testImages }: CompareResult, about: About): string {
  const { window } = checkpoints(settings.samples)
  const entries: [string, string][] = [
    [
      'Network',
      'four 3 x 3 convolutions (8, 16, 16, 32 channels), each with the norm and a ReLU behind it; 2 x 2 max pooling behind the first, second and fourth; a linear layer',
    ],
    ['Norms', 'BatchNorm2d(C); LayerNorm([C, H, W]); without norm, convolutions have a bias that starts at 0'],
    [
      'Data',
      `MNIST, the first ${trainingImages.toLocaleString('en-US')} training and ${testImages.toLocaleString('en-US')} test images (LeCun, Cortes; CC BY-SA 3.0)`,
    ],
    ['Training', `plain SGD with cross-entropy, constant learning rate; seed ${settings.seed} for weights and order`],
    ['Training loss at n', `mean over the last ${window.toLocaleString('en-US')} images before n (at least one step), before the update`],
    ['Test accuracy', 'in evaluation mode after the last step: BatchNorm uses its running averages'],
    ['Milliseconds per step', 'median over the steps of a run: loading, forward, backward, update'],
    ['Gradient norm', 'Euclidean length of the gradient with respect to the weight, median over the observed steps'],
    ['Date', about.date],
    ['Machine', about.machine],
    ['Software', `evenkeel ${about.version}, ${about.runtime}`],
  ]
  const list = entries.map(([term, text]) => `<dt>${escapeText(term)}</dt><dd>${escapeText(text)}</dd>`).join('\n')
  const again = `<dt>Again</dt><dd><code>${escapeText(about.command)}</code></dd>`
  return element('section', { 'aria-labelledby': 'method' }, `<h2 id="method">How it was measured</h2><dl>${list}\n${again}</dl>`)
}
