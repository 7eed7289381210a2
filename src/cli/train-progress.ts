import type { Evaluation, TrainingProgress } from '../training/index.js'
import { duration, type Output, type Painter } from './terminal.js'

const LONGEST_BAR = 24
const MS_BETWEEN_DRAWS = 100
const MS_BETWEEN_LINES = 10_000

const count = (n: number): string => n.toLocaleString('en-US')

/** How a training run is doing: a line that is redrawn in place on a terminal; elsewhere a line every ten seconds. */
export class TrainProgress {
  #drawn = performance.now()
  #hasLine = false
  /** Losses since the last drawing, which comes less often than they do. */
  #losses: number[] = []

  constructor(
    private readonly out: Output,
    private readonly paint: Painter,
    private readonly unit: 'tokens' | 'images',
  ) {}

  update({ step, steps, loss, perSecond, secondsLeft }: TrainingProgress): void {
    this.#losses.push(loss)
    const now = performance.now()
    const waits = now - this.#drawn < (this.out.isTTY ? MS_BETWEEN_DRAWS : MS_BETWEEN_LINES)
    if (waits && step < steps) return
    this.#drawn = now
    const mean = this.#losses.reduce((sum, value) => sum + value, 0) / this.#losses.length
    this.#losses = []
    const facts = `loss ${mean.toFixed(3)} · ${count(Math.round(perSecond))} ${this.unit}/s · ${duration(secondsLeft)} left`
    if (!this.out.isTTY) {
      this.out.write(`step ${count(step)} of ${count(steps)} · ${facts}\n`)
      return
    }
    const text = `${count(step)}/${count(steps)} · ${facts}`
    // One line of a terminal, or redrawing would leave pieces behind.
    const width = (this.out.columns || 80) - 1
    const cells = Math.min(LONGEST_BAR, Math.max(0, width - text.length - 1))
    const filled = Math.floor((step / steps) * cells)
    const bar = this.paint.green('█'.repeat(filled)) + '░'.repeat(cells - filled)
    this.out.write(`\r\x1b[2K${bar}${cells > 0 ? ' ' : ''}${text.slice(0, width)}`)
    this.#hasLine = true
  }

  /** One line that stays. */
  evaluated({ step, loss, accuracy }: Evaluation): void {
    this.clear()
    this.out.write(`step ${count(step)}: held-out loss ${loss.toFixed(3)}, ${(100 * accuracy).toFixed(1)}% right\n`)
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#hasLine) this.out.write('\r\x1b[2K')
    this.#hasLine = false
  }
}
