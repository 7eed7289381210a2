import type { Experiment, Progress as ExperimentProgress, RunState } from '../experiments/index.js'
import { duration, type Output, type Painter } from './terminal.js'

const LONGEST_BAR = 24
const SHORTEST_BAR = 8
const MS_BETWEEN_DRAWS = 100
const MS_BETWEEN_LINES = 10_000

/** A bar that is redrawn in place on a terminal; elsewhere a line per run, and one every ten seconds of a long one. */
export class Progress {
  readonly #costs: number[]
  readonly #begun = performance.now()
  /** Costs of runs that were made before and took no time now. */
  #spared = 0
  #drawn = this.#begun
  #hasBar = false

  constructor(
    private readonly experiment: Experiment,
    private readonly configs: readonly object[],
    private readonly out: Output,
    private readonly paint: Painter,
  ) {
    this.#costs = configs.map((config) => experiment.cost(config))
  }

  update(progress: ExperimentProgress): void {
    const now = performance.now()
    if (now - this.#drawn < (this.out.isTTY ? MS_BETWEEN_DRAWS : MS_BETWEEN_LINES)) return
    this.#drawn = now
    const { run, runs, step, steps, config, values } = progress
    const share = this.#share(run - 1, step / steps)
    const left = ((now - this.#begun) / 1000) * (1 / share - 1)
    const measured = Object.entries(values).map(([name, value]) => `${name} ${value.toPrecision(3)}`)
    const name = this.experiment.describe(config)
    if (!this.out.isTTY) {
      const facts = [`step ${count(step)} of ${count(steps)}`, ...measured, `${duration(left)} left`].join(', ')
      this.out.write(`${place(run, runs)} ${name}: ${facts}\n`)
      return
    }
    // One line of a terminal, or redrawing would leave pieces behind: the words first, fewer on a narrow one, and a bar in what is left.
    const width = (this.out.columns || 80) - 1
    const facts = [`step ${count(step)}/${count(steps)}`, ...measured, `${duration(left)} left`].join(' · ')
    const full = `${run}/${runs} ${name} · ${facts}`
    const text = (full.length + SHORTEST_BAR < width ? full : `${run}/${runs} · ${facts}`).slice(0, width)
    const cells = Math.min(LONGEST_BAR, Math.max(0, width - text.length - 1))
    const filled = Math.floor(share * cells)
    this.out.write(`\r\x1b[2K${this.paint.green('█'.repeat(filled))}${'░'.repeat(cells - filled)}${cells > 0 ? ' ' : ''}${text}`)
    this.#hasBar = true
  }

  /** A run that need not be made. */
  spare(number: number): void {
    this.#spared += this.#costs[number - 1]
  }

  /** One line that stays. */
  runEnded(run: RunState & object, number: number): void {
    this.clear()
    this.out.write(`${place(number, this.configs.length)} ${this.experiment.describe(this.configs[number - 1])}: ${outcome(this.experiment, run)}\n`)
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#hasBar) this.out.write('\r\x1b[2K')
    this.#hasBar = false
  }

  /** How much of the work is done, by the estimated costs. */
  #share(runsDone: number, shareOfRun: number): number {
    const sum = (costs: readonly number[]) => costs.reduce((total, c) => total + c, 0)
    const done = sum(this.#costs.slice(0, runsDone)) + (this.#costs[runsDone] ?? 0) * shareOfRun
    return Math.min(1, Math.max(1e-6, (done - this.#spared) / (sum(this.#costs) - this.#spared)))
  }
}

const count = (n: number): string => n.toLocaleString('en-US')
const place = (run: number, runs: number): string => `[${String(run).padStart(String(runs).length)}/${runs}]`

function outcome(experiment: Experiment, run: RunState & object): string {
  if (run.divergence) return `diverged at step ${run.divergence.step}, loss ${run.divergence.loss}, first in ${run.divergence.where}`
  return run.status === 'stopped' ? 'stopped' : experiment.outcome(run)
}
