import { type CompareProgress, type CompareSettings, percent, type RunConfig, type RunResult, runsOf } from '../experiments/index.js'
import { normLabel } from '../models/index.js'
import { duration, type Output, type Painter } from './terminal.js'

const LONGEST_BAR = 24
const SHORTEST_BAR = 8
const MS_BETWEEN_DRAWS = 100
const MS_BETWEEN_LINES = 10_000

/** A bar that is redrawn in place on a terminal; elsewhere a line per run, and one every ten seconds of a long one. */
export class Progress {
  readonly #costs: number[]
  readonly #begun = performance.now()
  #drawn = 0
  #hasBar = false

  constructor(
    settings: CompareSettings,
    private readonly out: Output,
    private readonly paint: Painter,
  ) {
    this.#costs = runsOf(settings).map(({ batchSize }) => Math.floor(settings.samples / batchSize) * stepCost(batchSize))
    this.#drawn = this.#begun
  }

  update(progress: CompareProgress): void {
    const now = performance.now()
    if (now - this.#drawn < (this.out.isTTY ? MS_BETWEEN_DRAWS : MS_BETWEEN_LINES)) return
    this.#drawn = now
    const { run, runs, step, steps, loss, samplesPerSecond } = progress
    const share = this.#share(run - 1, step / steps)
    const left = ((now - this.#begun) / 1000) * (1 / share - 1)
    const rate = count(Math.round(samplesPerSecond))
    if (!this.out.isTTY) {
      const facts = `step ${count(step)} of ${count(steps)}, loss ${loss.toFixed(3)}, ${rate} images/s, ${duration(left)} left`
      this.out.write(`${place(run, runs)} ${describe(progress)}: ${facts}\n`)
      return
    }
    // One line of a terminal, or redrawing would leave pieces behind: the words first, fewer on a narrow one, and a bar in what is left.
    const width = (this.out.columns || 80) - 1
    const { norm, batchSize, learningRate } = progress
    const facts = `step ${count(step)}/${count(steps)} · loss ${loss.toFixed(3)} · ${rate}/s · ${duration(left)} left`
    const which = `${run}/${runs} ${normLabel(norm)}`
    const full = `${which}, batch ${batchSize}, lr ${learningRate} · ${facts}`
    const text = (full.length + SHORTEST_BAR < width ? full : `${which} · ${facts}`).slice(0, width)
    const cells = Math.min(LONGEST_BAR, Math.max(0, width - text.length - 1))
    const filled = Math.floor(share * cells)
    this.out.write(`\r\x1b[2K${this.paint.green('█'.repeat(filled))}${'░'.repeat(cells - filled)}${cells > 0 ? ' ' : ''}${text}`)
    this.#hasBar = true
  }

  /** One line that stays. */
  runEnded(run: RunResult, number: number): void {
    this.clear()
    this.out.write(`${place(number, this.#costs.length)} ${describe(run)}: ${outcome(run)}\n`)
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#hasBar) this.out.write('\r\x1b[2K')
    this.#hasBar = false
  }

  /** How much of the work is done, by the estimated costs. */
  #share(runsDone: number, shareOfRun: number): number {
    const total = this.#costs.reduce((sum, c) => sum + c, 0)
    const done = this.#costs.slice(0, runsDone).reduce((sum, c) => sum + c, 0)
    return Math.min(1, Math.max(1e-6, (done + (this.#costs[runsDone] ?? 0) * shareOfRun) / total))
  }
}

/** A step costs about as much as 1.3 images before it sees the first one. */
const stepCost = (batchSize: number): number => batchSize + 1.3
const count = (n: number): string => n.toLocaleString('en-US')
const place = (run: number, runs: number): string => `[${String(run).padStart(String(runs).length)}/${runs}]`
const describe = ({ norm, batchSize, learningRate }: RunConfig): string => `${normLabel(norm)}, batch size ${batchSize}, learning rate ${learningRate}`

function outcome({ status, divergence, steps, testAccuracy, lossAt, msPerStep }: RunResult): string {
  if (divergence) return `diverged at step ${divergence.step}, loss ${divergence.loss}, first in ${divergence.where}`
  if (status === 'stopped') return `stopped after ${count(steps)} steps`
  const loss = lossAt.at(-1)?.loss
  return `${percent(testAccuracy ?? 0)} of the test digits right, training loss ${loss == null ? '–' : loss.toFixed(3)}, ${(msPerStep ?? 0).toFixed(2)} ms per step`
}
