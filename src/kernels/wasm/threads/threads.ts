import { allocator } from '../../../core/allocator.js'
import { RuntimeError } from '../../../core/errors.js'
import { isShared, type KernelExports, type KernelName } from '../loader.js'
import { MOST_THREADS, usableCores } from '../loader-worker.js'
import { isWorthSharing, Pool } from './pool.js'
import { workOf } from './work.js'

/** How many threads there are, and when they start. */

/** By default no more: the norms' speed is that of the memory, which a few cores use up. */
const MOST_BY_DEFAULT = 4
/**
 * Nanoseconds of work worth sharing after which the default's workers start. To start one takes about 0.1 s of a core: so what is over sooner never
 * pays for it, and what goes on has at most doubled that.
 */
const WORK_BEFORE_START = 100e6

let pool: Pool | undefined
/** What `setNumThreads` asked for, or what is left after a worker's death. */
let chosen: number | undefined
let byDefault: number | undefined
let sharableWork = 0

/** Threads without `setNumThreads`. */
function defaultThreads(): number {
  byDefault ??= isShared(allocator().memory) ? usableCores(MOST_BY_DEFAULT) : 1
  return byDefault
}

/** Runs a kernel over its blocks with all threads. @returns false, having done nothing, where one thread shall run it. */
export function runShared(kernels: KernelExports, kernel: KernelName, blocks: number, args: readonly (number | boolean)[]): boolean {
  if (pool) {
    const { death } = pool
    // A default that the host doesn't let start is no error; a worker that dies when some have computed is one.
    if (death !== undefined && chosen === undefined && pool.ranges === 0) {
      stayAtOne()
      return false
    }
    try {
      return pool.run(kernels, kernel, blocks, args)
    } catch (error) {
      if (pool.ended) stayAtOne()
      throw error
    }
  }
  if (chosen === undefined) startByDefault(kernel, blocks, args)
  return false
}

function startByDefault(kernel: KernelName, blocks: number, args: readonly (number | boolean)[]): void {
  if (blocks < 2) return
  const work = workOf(kernel, blocks, args)
  if (!isWorthSharing(work, blocks)) return
  sharableWork += work
  if (sharableWork < WORK_BEFORE_START) return
  const threads = defaultThreads()
  if (threads === 1) chosen = 1
  else {
    try {
      pool = new Pool(threads)
    } catch {
      chosen = 1
    }
  }
}

function stayAtOne(): void {
  pool?.end()
  pool = undefined
  chosen = 1
}

/** Workers that can take part, and the ranges that workers have run since they were started; for benchmarks. */
export const threadUse = (): { ready: number; ranges: number } => ({ ready: pool?.ready ?? 0, ranges: pool?.ranges ?? 0 })

/** Threads that run kernels, this one included: what `setNumThreads` said, else the default that is described there. `torch.get_num_threads`. */
export const getNumThreads = (): number => chosen ?? defaultThreads()

/**
 * Runs large kernels on `n` threads, this one included: `torch.set_num_threads`. Results are the same bits for any number.
 *
 * The default is the environment variable OMP_NUM_THREADS, as in PyTorch, else the number of cores, at most 4. It is 1 in Node's worker threads, whose
 * siblings take the other cores; on a machine that has more to do already than it has cores; in pages that are not cross-origin-isolated, which can't
 * share memory; and in Node before 20.16. The default's workers start once there has been 0.1 s of work to share: importing starts none, and short
 * programs never do. `setNumThreads` starts its own at once.
 *
 * Threads are worker threads in Node, Workers in browsers. They take part as soon as they are ready, in about 0.1 s; until then, and where a
 * kernel is too small to gain, this thread does all. `setNumThreads(1)` ends them; a process doesn't wait for them to end. More threads than
 * the machine has cores make everything slower.
 * @throws RuntimeError "set_num_threads expects a positive integer"; and where memory can't be shared: a browser allows that only to
 *   cross-origin-isolated pages. A worker that dies is a RuntimeError at the next operation, or at the one it dies in, after which one thread goes on.
 */
export function setNumThreads(n: number): void {
  if (!Number.isInteger(n)) throw new RuntimeError(`set_num_threads expects an int, but got ${typeof n === 'number' ? n : typeof n}`)
  if (n < 1) throw new RuntimeError('set_num_threads expects a positive integer')
  if (n > MOST_THREADS) throw new RuntimeError(`setNumThreads: at most ${MOST_THREADS} threads, got ${n}`)
  if (pool ? n === pool.threads && pool.death === undefined : n === 1) {
    chosen = n
    return
  }
  stayAtOne()
  if (n === 1) return
  if (!isShared(allocator().memory)) {
    throw new RuntimeError(
      `setNumThreads(${n}): threads need shared memory (SharedArrayBuffer), which browsers allow to cross-origin-isolated pages only. ` +
        'Serve the page with the headers "Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp".',
    )
  }
  try {
    pool = new Pool(n)
  } catch (error) {
    throw new RuntimeError(`setNumThreads(${n}): can't start threads here: ${error instanceof Error ? error.message : String(error)}`)
  }
  chosen = n
}
