import { ARGUMENTS_AT, SPINS, STOP, word } from './control.js'

/** What a worker is told. */
export interface WorkerSetup {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly control: SharedArrayBuffer
  /** A kernel's number is its position here. */
  readonly names: readonly string[]
}

/**
 * A worker's program: a function of a WorkerSetup, as text. A function's own source would not do: what bundles or instruments the package may
 * have made it reach for things that a worker doesn't have.
 */
export const program = `(setup) => {
  const words = new Int32Array(setup.control)
  const numbers = new Float64Array(setup.control, ${ARGUMENTS_AT})
  const instance = new WebAssembly.Instance(setup.module, { env: { memory: setup.memory } })
  const kernels = setup.names.map((name) => instance.exports[name])
  Atomics.add(words, ${word.ready}, 1)
  for (;;) {
    let claim = Atomics.load(words, ${word.claim})
    for (let i = 0; i < ${SPINS} && (claim & 0xffff) >= claim >>> 16; i++) claim = Atomics.load(words, ${word.claim})
    if (claim === ${STOP}) return
    if ((claim & 0xffff) >= claim >>> 16) {
      Atomics.add(words, ${word.sleepers}, 1)
      Atomics.wait(words, ${word.claim}, claim)
      Atomics.sub(words, ${word.sleepers}, 1)
      continue
    }
    const range = (claim >>> 16) - 1
    if (Atomics.compareExchange(words, ${word.claim}, claim, (range << 16) | (claim & 0xffff)) !== claim) continue
    const blocks = words[${word.blocks}]
    const ranges = words[${word.ranges}]
    const list = Array.from(numbers.subarray(0, words[${word.argumentCount}]))
    list.push(Math.floor((blocks * range) / ranges), Math.floor((blocks * (range + 1)) / ranges))
    try {
      kernels[words[${word.kernel}]](...list)
    } catch (error) {
      Atomics.store(words, ${word.failed}, 1)
      throw error
    } finally {
      Atomics.add(words, ${word.done}, 1)
      if (Atomics.load(words, ${word.mainSleeps})) Atomics.notify(words, ${word.done})
    }
  }
}`
