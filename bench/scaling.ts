import { add, F, noGrad, scope, type Tensor, zeros } from '../src/index.js'
import { interleave } from './measure.js'
import { each, numbers } from './workload.js'

/** How the cost of an element depends on how many there are, from caches to memory. */

const ROW = 1000
const sizes = [1e4, 1e5, 1e6, 1e7, 1e8] as const

interface Operation {
  name: string
  run(x: Tensor, dy: Tensor): void
}

const norm =
  (apply: (x: Tensor) => Tensor): Operation['run'] =>
  (x, dy) => {
    const y = apply(x)
    y.backward(dy)
    y.dispose()
    x.grad?.dispose()
    x.grad = null
  }

const operations: readonly Operation[] = [
  { name: 'LayerNorm, forward and backward', run: norm((x) => F.layerNorm(x, [ROW])) },
  { name: 'BatchNorm, forward and backward', run: norm((x) => F.batchNorm(x.view([-1, 10, 100]), null, null, null, null, { training: true }).view(x.shape)) },
  { name: 'GELU, forward', run: (x) => noGrad(() => F.gelu(x)).dispose() },
  { name: 'add, forward', run: (x, dy) => noGrad(() => add(x, dy)).dispose() },
]

export interface Scaling {
  sizes: readonly number[]
  operations: readonly { name: string /** ns for an element, by size. */; cost: readonly number[] }[]
}

/** @returns null where it ended before the last size */
export async function scaling(seconds: number, say: (line: string) => void, ended: () => boolean): Promise<Scaling | null> {
  say(`ns for an element, by number of elements: ${sizes.map((n) => n.toExponential(0)).join(', ')}`)
  const cost = operations.map(() => [] as number[])
  const values = numbers(1e6, 1)
  for (const size of sizes) {
    const [x, dy] = [1, 2].map(() => {
      const t = zeros([size / ROW, ROW])
      const array = t.data as Float32Array
      for (let at = 0; at < size; at += values.length) array.set(values.subarray(0, Math.min(values.length, size - at)), at)
      return t
    })
    x.requiresGrad_()
    for (const [i, { run }] of operations.entries()) {
      if (ended()) return null
      const times = each(() => scope(() => run(x, dy)))
      // Memory is touched for the first time, which is no cost of the operation.
      await times(1)
      const { only } = await interleave({ only: { times } }, seconds / 4, ended)
      cost[i].push(((only?.median ?? Number.NaN) * 1e6) / size)
    }
    x.dispose()
    dy.dispose()
  }
  operations.forEach(({ name }, i) => {
    say(`${name.padEnd(34)}${cost[i].map((c) => c.toPrecision(3).padEnd(8)).join('')}`)
  })
  return { sizes, operations: operations.map(({ name }, i) => ({ name, cost: cost[i] })) }
}
