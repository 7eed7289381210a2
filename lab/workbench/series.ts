/** A line over the steps of a run in bounded memory: when it is full, neighbours become their mean, so that each point stands for twice the steps. */
export class StepSeries {
  private readonly sums: Float64Array
  private readonly counts: Int32Array
  private length = 0
  /** Steps that a full point stands for. */
  stride = 1
  private last = Number.NaN

  constructor(private readonly capacity = 1024) {
    this.sums = new Float64Array(capacity)
    this.counts = new Int32Array(capacity)
  }

  push(value: number): void {
    this.last = value
    if (this.length > 0 && this.counts[this.length - 1] < this.stride) {
      this.sums[this.length - 1] += value
      this.counts[this.length - 1]++
      return
    }
    if (this.length === this.capacity) this.halve()
    if (this.length > 0 && this.counts[this.length - 1] < this.stride) return this.push(value)
    this.sums[this.length] = value
    this.counts[this.length] = 1
    this.length++
  }

  private halve(): void {
    const half = this.capacity / 2
    for (let i = 0; i < half; i++) {
      this.sums[i] = this.sums[2 * i] + this.sums[2 * i + 1]
      this.counts[i] = this.counts[2 * i] + this.counts[2 * i + 1]
    }
    this.length = half
    this.stride *= 2
  }

  get latest(): number {
    return this.last
  }

  /** Means, at the last step that each stands for; joined further so that there are about `most`. */
  points(most: number): { x: number; y: number }[] {
    const join = Math.max(1, Math.ceil(this.length / most))
    const points: { x: number; y: number }[] = []
    let step = 0
    for (let i = 0; i < this.length; i += join) {
      let sum = 0
      let count = 0
      for (let j = i; j < Math.min(this.length, i + join); j++) {
        sum += this.sums[j]
        count += this.counts[j]
      }
      step += count
      points.push({ x: step, y: sum / count })
    }
    return points
  }
}

/** Keeps every n-th of what comes, with n doubling so that there are never more than `most`; and always the latest. */
export class Thinned<T> {
  private kept: T[] = []
  private every = 1
  private seen = 0
  private newest: T | undefined

  constructor(private readonly most: number) {}

  push(item: T): void {
    this.newest = item
    if (this.seen++ % this.every === 0) this.kept.push(item)
    if (this.kept.length <= this.most) return
    this.kept = this.kept.filter((_, i) => i % 2 === 0)
    this.every *= 2
  }

  get items(): T[] {
    const last = this.kept[this.kept.length - 1]
    return this.newest === undefined || last === this.newest ? [...this.kept] : [...this.kept, this.newest]
  }
}
