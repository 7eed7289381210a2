import { spawn } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { setUp } from '../scripts/setup.mjs'
import { add, tensor } from '../src/index.js'
import type { Jax, Tfjs } from './peers.js'
import { type Contestant, each, numbers, type Workload } from './workload.js'

/** What doesn't depend on sizes: the way from JavaScript to a result, and loading the library. */

const CALLS = 1000

function tinyAdd(): Contestant {
  const [a, b] = [tensor(numbers(4, 1)), tensor(numbers(4, 3))]
  const run = () => {
    for (let i = 0; i < CALLS; i++) add(a, b).dispose()
  }
  return { times: each(run, CALLS), result: () => [add(a, b).toTypedArray() as Float32Array] }
}

function tinyAddWithJax({ numpy: np }: Jax): Contestant {
  const [a, b] = [np.array(numbers(4, 1)), np.array(numbers(4, 3))]
  const run = () => {
    for (let i = 0; i < CALLS; i++) np.add(a.ref, b.ref).dispose()
  }
  return { times: each(run, CALLS), result: async () => [(await np.add(a.ref, b.ref).data()) as Float32Array] }
}

function tinyAddWithTfjs(tf: Tfjs): Contestant {
  const [a, b] = [tf.tensor(numbers(4, 1)), tf.tensor(numbers(4, 3))]
  const run = () => {
    for (let i = 0; i < CALLS; i++) tf.add(a, b).dispose()
  }
  return { times: each(run, CALLS), result: () => [tf.add(a, b).dataSync() as Float32Array] }
}

/** Time of an import in a fresh process, as that process measures it. */
function importing(...modules: string[]): Contestant {
  const program = `const start = performance.now()
    for (const m of ${JSON.stringify(modules)}) await import(m)
    process.stdout.write('\\n' + (performance.now() - start))`
  const once = () =>
    new Promise<number>((resolve, reject) => {
      const folder = fileURLToPath(new URL('.', import.meta.url))
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
      let output = ''
      child.stdout.on('data', (text) => {
        output += text
      })
      child.on('error', reject)
      child.on('close', (code) => (code === 0 ? resolve(Number(output.split('\n').at(-1))) : reject(new Error(`importing ${modules} failed`))))
    })
  return {
    times: async (calls) => {
      const times: number[] = []
      for (let i = 0; i < calls; i++) times.push(await once())
      return times
    },
    result: () => [],
  }
}

export const overhead: readonly Workload[] = [
  {
    name: 'op_add_4',
    description: 'add of two tensors of 4 elements, from the call to the released result',
    ours: tinyAdd,
    jax: tinyAddWithJax,
    tfjs: tinyAddWithTfjs,
    torch: `
a, b = numbers([4], 1), numbers([4], 3)
def adds():
    for _ in range(${CALLS}):
        torch.add(a, b)
timed(adds, lambda: [torch.add(a, b)], ${CALLS})`,
    targets: [{ ms: 0.002 }],
  },
  {
    name: 'module_load',
    description: 'import of the built package in a fresh process',
    ours: async () => {
      await setUp()
      return importing(pathToFileURL(fileURLToPath(new URL('../dist/bundle/index.js', import.meta.url))).href)
    },
    jax: () => importing('@jax-js/jax'),
    tfjs: () => importing('@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'),
    without: { torch: 'a module of another language', torch128: 'a module of another language' },
    targets: [{ ms: 50 }],
  },
]
