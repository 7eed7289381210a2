import { noGrad } from '../../autograd/index.js'
import { checkOptions, RuntimeError, ValueError } from '../../core/errors.js'
import { Generator } from '../../core/random.js'
import { Tensor } from '../../core/tensor.js'
import { randn } from '../../ops/random.js'
import '../../ops/methods.js'
import { Identity, Linear } from '../linear.js'
import type { Module } from '../module.js'
import { BatchNorm } from '../norm/batch-norm.js'
import { type ConvLayer, fuseConvBn, fuseLinearBn, isFusable } from './fuse-bn.js'
import { replaceModules } from './replace-modules.js'

export interface FuseOptions {
  /** An input that the model takes, or all of them in an array. Default: a random one, guessed from the first layer. */
  input?: Tensor | readonly unknown[]
}

export interface FusedPair {
  /** Path of the convolution or linear layer, which now does the work of both. */
  readonly layer: string
  /** Path of the BatchNorm, which is now an Identity. */
  readonly norm: string
}

export interface FuseResult<M extends Module> {
  /** The fused copy, in evaluation mode. */
  readonly model: M
  readonly fused: readonly FusedPair[]
  /** Largest difference of the outputs before and after, relative to the largest output. */
  readonly difference: number
}

interface Pair extends FusedPair {
  readonly from: ConvLayer | Linear
  readonly to: BatchNorm
}

const run = (model: Module, inputs: readonly unknown[]): unknown => noGrad(() => Reflect.apply(model.forward, model, [...inputs]))

/**
 * Folds every BatchNorm that directly follows a convolution or linear layer into it, in a copy of the model for evaluation. Pairs are found by
 * watching a forward pass, so it doesn't matter whether they are neighbours in a Sequential or attributes of a module; and the copy is
 * held against the model on the same input before it is returned. A pair that changes the result (because something else reads the layer's output
 * as well) stays as it is.
 *
 * @example
 * const { model: fast, fused } = nn.utils.fuse(model)
 * @throws ValueError where no input can be guessed; RuntimeError where the fused model computes something else
 */
export function fuse<M extends Module>(model: M, options: FuseOptions = {}): FuseResult<M> {
  checkOptions('fuse', options, ['input'])
  const { input } = options
  const source = model.clone().eval()
  const inputs = input === undefined ? guessInput(source) : input instanceof Tensor ? [input] : input
  const { pairs, output } = findPairs(source, inputs)
  const attempt = (chosen: readonly Pair[]) => {
    const fused = withFused(source, chosen)
    return { fused, difference: relativeDifference(run(fused, inputs), output) }
  }
  const allowed = output.some((t) => t.dtype !== 'float64') ? 1e-3 : 1e-9
  let chosen = pairs
  let { fused, difference } = attempt(chosen)
  if (!(difference <= allowed)) {
    chosen = pairs.filter((pair) => attempt([pair]).difference <= allowed)
    ;({ fused, difference } = attempt(chosen))
    if (!(difference <= allowed)) throw new RuntimeError(`fuse: the fused model's output differs by ${difference.toPrecision(3)} of the largest value`)
  }
  return { model: fused, fused: chosen.map(({ layer, norm }) => ({ layer, norm })), difference }
}

/** Norms whose input is, as an object, the output of a fusable layer; both called once. */
function findPairs(model: Module, inputs: readonly unknown[]): { pairs: Pair[]; output: Tensor[] } {
  const calls = new Map<Module, { input: unknown; output: unknown; count: number }>()
  const watched = model.modules().filter((m) => isFusable(m) || m instanceof BatchNorm)
  const hooks = watched.map((m) => m.registerForwardHook((_, [input], output) => void calls.set(m, { input, output, count: (calls.get(m)?.count ?? 0) + 1 })))
  const output = tensorsIn(run(model, inputs))
  for (const hook of hooks) hook.remove()
  const paths = new Map(model.namedModules().map(([path, m]) => [m, path]))
  const once = watched.filter((m) => calls.get(m)?.count === 1)
  const pairs = once.flatMap((to) => {
    if (!(to instanceof BatchNorm) || !to.runningMean) return []
    const from = once.find((m) => calls.get(m)?.output === calls.get(to)?.input)
    if (!from || !isFusable(from)) return []
    const result = calls.get(from)?.output
    if (from instanceof Linear && !(result instanceof Tensor && result.ndim === 2)) return []
    return [{ from, to, layer: paths.get(from) as string, norm: paths.get(to) as string }]
  })
  return { pairs, output }
}

function withFused<M extends Module>(source: M, pairs: readonly Pair[]): M {
  const copies = new Map<object, object>()
  const copy = source.clone(copies)
  const replacements = new Map<object | undefined, Module>()
  for (const { from, to } of pairs) {
    replacements.set(copies.get(from), from instanceof Linear ? fuseLinearBn(from, to) : fuseConvBn(from, to))
    replacements.set(copies.get(to), new Identity().eval())
  }
  replaceModules(copy, (module) => replacements.get(module) ?? null)
  return copy
}

const tensorsIn = (value: unknown): Tensor[] =>
  value instanceof Tensor ? [value] : value !== null && typeof value === 'object' ? Object.values(value).flatMap(tensorsIn) : []

function relativeDifference(got: unknown, want: readonly Tensor[]): number {
  const largest = (t: Tensor) => (t.numel() === 0 ? 0 : t.detach().to('float64').abs().max().item())
  const scale = Math.max(...want.map(largest), Number.MIN_VALUE)
  return Math.max(0, ...tensorsIn(got).map((t, i) => largest(t.detach().to('float64').sub(want[i])) / scale))
}

/** A random input for the model's first layer, drawn without touching the default generator. */
function guessInput(model: Module): readonly unknown[] {
  const first = model.modules().find(isFusable)
  if (!first) throw new ValueError('fuse: the model has no convolution or linear layer to guess an input from: give one with { input }')
  const generator = new Generator().manualSeed(0)
  const shapes =
    first instanceof Linear ? [[4, first.inFeatures]] : [16, 32, 64, 128, 224].map((size) => [2, first.inChannels, ...first.kernelSize.map(() => size)])
  const { dtype } = first.weight
  let reason = ''
  for (const shape of shapes) {
    const input = randn(shape, { dtype, generator })
    try {
      run(model, [input])
      return [input]
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error)
    }
  }
  throw new ValueError(`fuse: the model takes none of the inputs that were tried (${reason}): give one with { input }`)
}
