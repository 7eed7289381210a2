import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, platform, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type PeerName, peerNames, titles } from './peers.js'
import type { Peers, Row } from './run.js'
import type { Scaling } from './scaling.js'
import { digits, milliseconds, rate, ratio, timing } from './text.js'
import { gains, type ThreadScaling } from './threads.js'
import type { Target } from './workload.js'

/** docs/benchmarks.md: what was measured, on what, and what was missed; and the table of README.md. */

export const reportPath = 'docs/benchmarks.md'
const root = new URL('../', import.meta.url)

const packageVersion = (path: string): string => JSON.parse(readFileSync(new URL(path, root), 'utf8')).version

function versions(names: readonly PeerName[], peers: Peers): string[] {
  const lines = [`Evenkeel ${packageVersion('package.json')}${commit()}, Node ${process.version}`]
  if (names.includes('jax'))
    lines.push(
      `jax-js ${packageVersion('bench/node_modules/@jax-js/jax/package.json')}, its WebAssembly backend, one thread; under its jit, convolutions and the CNN eagerly, which is faster there`,
    )
  if (names.includes('tfjs'))
    lines.push(
      `TensorFlow.js ${packageVersion('bench/node_modules/@tensorflow/tfjs/package.json')}, its WebAssembly backend with SIMD, one thread, images as NHWC`,
    )
  for (const n of ['torch', 'torch128'] as const)
    if (names.includes(n))
      lines.push(`${titles[n]}: ${peers[n] ? `${peers[n].version}, one thread, glibc's allocator tuned to keep freed memory` : peers.missing}`)
  return lines
}

function commit(): string {
  try {
    return ` at ${execFileSync('git', ['describe', '--always', '--dirty=, with changes'], { cwd: fileURLToPath(root), encoding: 'utf8' }).trim()}`
  } catch {
    return ''
  }
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

const cell = (row: Row, name: PeerName): string => {
  const peer = row.peers[name]
  return peer ? `${timing(peer)}, **${ratio(peer, row.own)}**` : '-'
}

/** What a target asks, what there is, and whether that is enough; null where the peer was not measured. */
function judge(row: Row, target: Target): { asked: string; got: string; met: boolean } | null {
  if ('ms' in target)
    return { asked: milliseconds(target.ms), got: `${milliseconds(row.own.median)} (${milliseconds(row.own.min)})`, met: row.own.median <= target.ms }
  const peer = row.peers[target.peer]
  if (!peer) return null
  const got = row.own.median / peer.median
  const fastest = row.own.min / peer.min
  return { asked: `${target.ratio} of ${titles[target.peer]}`, got: `${got.toPrecision(2)} (${fastest.toPrecision(2)})`, met: got <= target.ratio }
}

function targets(rows: readonly Row[]): string {
  const judged = rows.flatMap((row) =>
    (row.workload.targets ?? []).flatMap((target) => {
      const judgement = judge(row, target)
      return judgement ? [{ name: row.workload.name, ...judgement }] : []
    }),
  )
  const missed = judged.filter((j) => !j.met)
  const behind = rows.flatMap((row) =>
    (['jax', 'tfjs'] as const).filter((n) => (row.peers[n]?.median ?? Infinity) < row.own.median).map((n) => `${row.workload.name} (${titles[n]})`),
  )
  const counted = `${judged.length - missed.length} of ${judged.length} figures are reached.`
  const cells = judged.map(({ name, asked, got, met }) => [name, asked, got, met ? 'yes' : '**no**'])
  return `${counted} A figure is Evenkeel's time over the peer's, or a time; less is better. In brackets: by the fastest calls.

${table(['workload', 'to reach', 'measured', 'reached'], cells)}

Slower than a JavaScript peer: ${behind.join(', ') || 'none'}.`
}

/** A chart that GitHub draws. */
function chart({ sizes, operations }: Scaling): string {
  const highest = Math.max(...operations.flatMap((o) => o.cost))
  return `\`\`\`mermaid
xychart-beta
  title "ns for an element, by number of elements"
  x-axis [${sizes.map((n) => `"10^${Math.log10(n)}"`).join(', ')}]
  y-axis "ns" 0 --> ${Math.ceil(highest)}
${operations.map((o) => `  line [${o.cost.map((c) => c.toPrecision(3)).join(', ')}]`).join('\n')}
\`\`\`

${table(
  ['ns for an element', ...sizes.map((n) => `10^${Math.log10(n)}`)],
  operations.map((o) => [o.name, ...o.cost.map((c) => c.toPrecision(3))]),
)}`
}

const inReadme = [
  'bn_16x32x28x28',
  'bn_32x3x224x224',
  'ln_256x1024',
  'ln_32x3x224x224',
  'rms_256x1024',
  'sdpa_8x4x256x32',
  'lstm_64x32x64_128',
  'gpt_step',
  'cnn_bn_step',
  'cnn_ln_step',
]

const speeds = /(<!-- speeds[^>]*-->\n\n).*(\n\n<!-- \/speeds -->)/s

/**
 * README.md with those of its workloads that were measured, between its marks.
 * @throws Error where the marks are gone
 */
export function withSpeeds(readme: string, rows: readonly Row[]): string {
  if (!speeds.test(readme)) throw new Error('README.md has no marks <!-- speeds … --> and <!-- /speeds --> for the table of speeds')
  const peers = ['jax', 'tfjs', 'torch'] as const
  const chosen = inReadme.flatMap((name) => rows.filter(({ workload }) => workload.name === name))
  const cells = chosen.map(({ workload, own, peers: times }) => [
    workload.description.replace(', forward and backward', ''),
    digits(own.median),
    ...peers.map((n) => {
      const peer = times[n]
      return peer ? digits(peer.median / own.median) : workload.without?.[n] ? 'cannot' : '-'
    }),
  ])
  return readme.replace(speeds, (_, before, after) => before + table(['forward and backward', 'Evenkeel, ms', ...peers.map((n) => titles[n])], cells) + after)
}

interface Measured {
  rows: readonly Row[]
  names: readonly PeerName[]
  peers: Peers
  sizes: Scaling
  threads: ThreadScaling
  load: readonly [number, number]
  seconds: number
}

export function report({ rows, names, peers, sizes, threads, load, seconds }: Measured): void {
  const shown = peerNames.filter((n) => names.includes(n))
  const cells = rows.map((row) => [row.workload.name, timing(row.own), rate(row.rate), ...shown.map((n) => cell(row, n))])
  const reasons = new Set(
    rows.flatMap((row) => shown.flatMap((n) => (row.workload.without?.[n] ? [`- ${titles[n]}, \`${row.workload.name}\`: ${row.workload.without[n]}`] : []))),
  )
  const text = `# Benchmarks

Written by \`npm run bench -- --report\` on ${new Date().toISOString().slice(0, 10)}; don't edit. It is one run on one machine, of which the ratios hold best:
everything in a row took turns.

- ${cpus()[0].model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${release()}
- Load of the machine (mean over a minute) before and after: ${load.map((l) => l.toFixed(1)).join(', ')}; the benchmark itself makes 1. ${seconds} s for each workload
${versions(shown, peers)
  .map((line) => `- ${line}`)
  .join('\n')}

## All workloads

${table(['workload', 'Evenkeel', 'rate, of the ceiling', ...shown.map((n) => titles[n])], cells)}

- **Times** are medians; ± is half the distance between the 10th and the 90th percentile. Every result is compared with Evenkeel's before it is timed.
- **Bold**: how many times as long as Evenkeel the peer takes, by the medians; in brackets by the fastest calls, which a loaded machine disturbs less.
  Above 1 Evenkeel is faster.
- **Rate, of the ceiling**: GB/s count each array once for each pass that has to read or write it, and the ceiling is a copy of one array of that size
  (the faster of \`memory.copy\` and a loop of vectors). GF/s count a multiplication and an addition as two, and the ceiling is a loop of both on 128-bit
  registers that touches no memory. Arrays that stay in a cache from one pass to the next can reach more than the copy.
- **PyTorch** uses the widest vectors the machine has; "128-bit" limits it to those of WebAssembly. ATen's kernels for that are partly scalar.

What each workload does:

${rows.map(({ workload }) => `- \`${workload.name}\`: ${workload.description}`).join('\n')}
${reasons.size > 0 ? `\nWhy a peer is missing:\n\n${[...reasons].join('\n')}\n` : ''}
## Figures to reach

${targets(rows)}

## Threads

The same process with ${threads.threads.join(' and ')} threads in turns; results are the same bits. Times are medians, in brackets how many times as fast by the fastest calls.
A machine that others load has no second core to give.

${table(
  ['workload', ...threads.threads.map((n) => (n === 1 ? 'one thread' : `${n} threads`)), 'times as fast'],
  threads.rows.map(({ name, timings }) => [name, ...timings.map((t) => milliseconds(t.median)), gains(timings).join(', ')]),
)}

## Cost of an element

Rows of 1,000 elements, one tensor of each size. From the top of the table down, the lines are its rows.

${chart(sizes)}
`
  writeFileSync(new URL(reportPath, root), text)
  const readme = new URL('README.md', root)
  writeFileSync(readme, withSpeeds(readFileSync(readme, 'utf8'), rows))
}
