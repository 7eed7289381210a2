import { RuntimeError } from '../../core/errors.js'

export const MOST_THREADS = 256
/** Processes that want to run, per core, above which another thread slows a program down: it waits for threads that wait for a core. */
const OVERLOAD = 1.5

/** Whether a text is a positive whole number. */
const isCount = (text: string | undefined): text is string => text !== undefined && /^[1-9]\d*$/.test(text)

/**
 * How many threads may compute here, this one included: OMP_NUM_THREADS, else the cores, at most `most`; 1 where others use them: in Node's worker
 * threads, and on a machine that has more to do already than it has cores.
 */
export function usableCores(most: number): number {
  const { process, navigator } = globalThis
  if (!process?.versions?.node) return Math.min(most, navigator?.hardwareConcurrency ?? 1)
  if (!process.getBuiltinModule) return 1
  const wanted = process.env.OMP_NUM_THREADS
  if (isCount(wanted)) return Math.min(MOST_THREADS, Number(wanted))
  if (!process.getBuiltinModule('node:worker_threads').isMainThread) return 1
  const { availableParallelism, loadavg } = process.getBuiltinModule('node:os')
  const cores = availableParallelism()
  return loadavg()[0] > OVERLOAD * cores ? 1 : Math.min(most, cores)
}

/** A running worker. Ending one is no death. */
export interface WorkerThread {
  end(): void
}

/**
 * Starts a worker that calls `program`, the text of a function, with `setup`: a worker thread of Node, elsewhere a Worker from a blob.
 * @param died is told why, if the worker ends by itself
 * @throws RuntimeError where the host has neither or refuses
 */
export function startWorker(program: string, setup: object, died: (reason: string) => void): WorkerThread {
  // Asked for at run time: a bundler for browsers must not look for it, and nothing may be loaded before a user wants threads.
  const node = globalThis.process?.getBuiltinModule?.('node:worker_threads')
  if (node) {
    // Neither the process's options nor its environment: a module that they preload would cost more time than the kernels.
    const worker = new node.Worker(`(${program})(require('node:worker_threads').workerData)`, { eval: true, workerData: setup, execArgv: [], env: {} })
    worker.on('error', (error) => died(error.message))
    worker.on('exit', (code) => died(`it ended with code ${code}`))
    worker.unref()
    return { end: () => void worker.terminate() }
  }
  if (typeof Worker === 'undefined') throw new RuntimeError('this host has no workers (Node has from version 20.16 on)')
  const url = URL.createObjectURL(new Blob([`onmessage = (event) => (${program})(event.data)`], { type: 'text/javascript' }))
  const worker = new Worker(url)
  worker.onerror = (event) => died(event.message || 'it could not be started')
  worker.postMessage(setup)
  return {
    end() {
      worker.terminate()
      URL.revokeObjectURL(url)
    },
  }
}
