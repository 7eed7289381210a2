import { noGrad, type Tensor, tensor } from '../src/index.js'
import type { Jax, PeerName, Tfjs } from './peers.js'
import { type Contestant, each, numbers, product, type Target, type Workload } from './workload.js'

/** A function of float32 inputs, forward, or forward and backward with the gradients of all inputs, in every library. */

export type JaxArray = ReturnType<Jax['numpy']['ones']>
export type TfTensor = ReturnType<Tfjs['tensor']>

export interface Problem {
  name: string
  description: string
  /** Shapes of the inputs. */
  inputs: readonly (readonly number[])[]
  output: readonly number[]
  backward: boolean
  /** Made anew for every contestant, since it may have a state. */
  ours(): (...inputs: Tensor[]) => Tensor
  jax?(jax: Jax): (...inputs: JaxArray[]) => JaxArray
  /** Without it jax-js runs eagerly: a padded convolution is 5 to 8 times slower under its jit. Default true. */
  jit?: boolean
  tfjs?(tf: Tfjs): TfFunction
  /** A Python function, given the inputs. */
  torch: string
  bytes?: number
  copy?: number
  flops?: number
  without?: Workload['without']
  targets?: readonly Target[]
}

interface TfFunction {
  apply(...inputs: TfTensor[]): TfTensor
  /** Axes of each input, of the output last, where tfjs wants another order; converted before anything is timed. */
  layouts?: readonly (readonly number[] | null)[]
}

/** The input at `index`; 2 is the upstream gradient's seed. */
const input = (shape: readonly number[], index: number): Float32Array => numbers(product(shape), index === 0 ? 1 : index + 2)
const upstream = (shape: readonly number[]): Float32Array => numbers(product(shape), 2)

function ours(p: Problem): Contestant {
  const apply = p.ours()
  const inputs = p.inputs.map((shape, i) => tensor(input(shape, i), { shape, requiresGrad: p.backward }))
  const dy = tensor(upstream(p.output), { shape: p.output })
  const forget = () => {
    for (const t of inputs) {
      t.grad?.dispose()
      t.grad = null
    }
  }
  const forwardBackward = () => {
    forget()
    const y = apply(...inputs)
    y.backward(dy)
    return y
  }
  const step = p.backward ? forwardBackward : () => noGrad(() => apply(...inputs))
  const read = (t: Tensor) => t.toTypedArray() as Float32Array
  return {
    times: each(() => step().dispose()),
    result: () => {
      const y = step()
      const arrays = [read(y), ...(p.backward ? inputs.map((t) => read(t.grad as Tensor)) : [])]
      y.dispose()
      return arrays
    },
    dispose: () => {
      forget()
      for (const t of [...inputs, dy]) t.dispose()
    },
  }
}

function withJax(jax: Jax, p: Problem, apply: (...inputs: JaxArray[]) => JaxArray): Contestant {
  const make = (values: Float32Array, shape: readonly number[]) => jax.numpy.array(values, { shape: [...shape] })
  const inputs = p.inputs.map((shape, i) => make(input(shape, i), shape))
  const dy = make(upstream(p.output), p.output)
  const forward = (...args: JaxArray[]): JaxArray[] => [apply(...args)]
  const forwardBackward = (dy: JaxArray, ...args: JaxArray[]): JaxArray[] => {
    const [y, pull] = jax.vjp(apply, args)
    return [y, ...(pull(dy) as JaxArray[])]
  }
  const compiled = <F extends (...args: JaxArray[]) => JaxArray[]>(f: F) => (p.jit === false ? f : jax.jit(f)) as F
  const [f, g] = [compiled(forward), compiled(forwardBackward)]
  const step = () => (p.backward ? g(dy.ref, ...inputs.map((t) => t.ref)) : f(...inputs.map((t) => t.ref)))
  return {
    times: each(async () => {
      for (const a of await jax.blockUntilReady(step())) a.dispose()
    }),
    result: async () => {
      const arrays: Float32Array[] = []
      for (const a of step()) arrays.push((await a.data()) as Float32Array)
      return arrays
    },
    dispose: () => {
      for (const t of [...inputs, dy]) t.dispose()
    },
  }
}

/** The axes that undo `axes`. */
const inverse = (axes: readonly number[]): number[] => axes.map((_, i) => axes.indexOf(i))

function withTfjs(tf: Tfjs, p: Problem, { apply, layouts }: TfFunction): Contestant {
  const make = (values: Float32Array, shape: readonly number[], axes?: readonly number[] | null) =>
    tf.tidy(() => {
      const t = tf.tensor(values, [...shape])
      return axes ? tf.transpose(t, [...axes]) : t
    })
  const inputs = p.inputs.map((shape, i) => make(input(shape, i), shape, layouts?.[i]))
  const dy = make(upstream(p.output), p.output, layouts?.[p.inputs.length])
  // Its kernels have run when the call returns; nothing needs to be read back.
  const gradients = tf.grads(apply)
  const step = () => (p.backward ? gradients(inputs, dy) : [apply(...inputs)])
  const read = (t: TfTensor, axes?: readonly number[] | null) => (axes ? tf.transpose(t, inverse(axes)) : t).dataSync().slice() as Float32Array
  return {
    times: each(() => tf.tidy(() => void step())),
    result: () => {
      const arrays: Float32Array[] = []
      // Not as the result of tidy, which looks for tensors in it, element by element.
      tf.tidy(() => {
        arrays.push(read(apply(...inputs), layouts?.[p.inputs.length]))
        if (p.backward) arrays.push(...step().map((t, i) => read(t, layouts?.[i])))
      })
      return arrays
    },
    dispose: () => tf.dispose([...inputs, dy]),
  }
}

const python = (value: unknown): string => JSON.stringify(value)

export function differentiable(p: Problem): Workload {
  const { jax, tfjs } = p
  const parts = p.backward ? 'forward and backward' : 'forward'
  return {
    name: p.name,
    description: `${p.description}, ${parts}`,
    bytes: p.bytes,
    copy: p.bytes === undefined ? undefined : 4 * product(p.inputs[0]),
    flops: p.flops,
    ours: () => ours(p),
    jax: jax && ((lib) => withJax(lib, p, jax(lib))),
    tfjs: tfjs && ((lib) => withTfjs(lib, p, tfjs(lib))),
    torch: `step(${p.torch}, ${python(p.inputs)}, ${p.backward ? 'True' : 'False'})`,
    without: p.without,
    targets: p.targets,
  }
}

/** Targets against PyTorch, ours over the peer's median. */
export const versus = (peer: PeerName, ratio: number): Target => ({ peer, ratio })
