import { noGrad } from '../../autograd/index.js'
import { isFloatingPoint } from '../../core/dtype.js'
import { RuntimeError } from '../../core/errors.js'
import { Tensor } from '../../core/tensor.js'
import { copy_ } from '../../ops/copy.js'
import '../../ops/methods.js'
import type { Module } from '../module.js'
import { Parameter } from '../parameter.js'
import { replaceModules } from './replace-modules.js'

export interface ReplacedNorm {
  /** Path of the layer. */
  readonly name: string
  readonly from: string
  readonly to: string
  /** State-dict names whose values the new layer took over. */
  readonly carried: readonly string[]
  /** Those of the old layer that have no place in the new one. */
  readonly dropped: readonly string[]
}

export interface ReplaceNormResult {
  /** The model, or where it is itself such a layer, the one that takes its place. */
  readonly model: Module
  readonly replaced: readonly ReplacedNorm[]
}

/** A class, whatever its constructor takes. */
interface ModuleClass<N extends Module> {
  readonly prototype: N
}

const isA = <N extends Module>(layer: Module, { prototype }: ModuleClass<N>): layer is N => Object.prototype.isPrototypeOf.call(prototype, layer)

/**
 * Replaces every layer of one class by another norm, in place. Weight and bias are carried over where the new layer has them in the same size,
 * running averages where it keeps any; the result says what was dropped. A model whose BatchNorm became another norm computes something else
 * and has to be trained on: running averages are not what GroupNorm divides by.
 *
 * @param from the class, such as `nn.BatchNorm2d`; a layer of a subclass counts
 * @param to makes the new layer from the old one and its number of channels
 * @example replaceNorm(model, nn.BatchNorm2d, (channels) => new nn.GroupNorm(8, channels))
 */
export function replaceNorm<N extends Module>(model: Module, from: ModuleClass<N>, to: (channels: number, norm: N, name: string) => Module): ReplaceNormResult {
  const replaced: ReplacedNorm[] = []
  const result = replaceModules(model, (layer, name) => {
    if (!isA(layer, from)) return null
    const next = to(channelsOf(layer, name), layer, name)
    const carried = carryOver(layer, next)
    const dropped = layer.ownState().flatMap(([key]) => (carried.includes(key) ? [] : [key]))
    replaced.push({ name, from: layer.constructor.name, to: next.constructor.name, carried, dropped })
    return next
  })
  return { model: result, replaced }
}

/** Whatever the class calls it. */
function channelsOf(layer: Module, name: string): number {
  for (const field of ['numFeatures', 'numChannels']) {
    const value: unknown = Reflect.get(layer, field)
    if (typeof value === 'number') return value
  }
  const shape: unknown = Reflect.get(layer, 'normalizedShape')
  if (Array.isArray(shape)) return shape.reduce((product, size) => product * size, 1)
  throw new RuntimeError(`replaceNorm: can't tell the number of channels of '${name}', a ${layer.constructor.name}`)
}

/** Copies what both layers have in one size. @returns the names */
function carryOver(from: Module, to: Module): string[] {
  const old = new Map(from.ownState())
  const dtype = [...old.values()].find((t) => isFloatingPoint(t.dtype))?.dtype
  if (dtype) to.to(dtype)
  to.train(from.training)
  return to.ownState().flatMap(([key, target]) => {
    const source = old.get(key)
    if (!(source instanceof Tensor) || source.numel() !== target.numel()) return []
    noGrad(() => copy_(target.detach(), source.detach().reshape(target.shape)))
    if (target instanceof Parameter) target.requiresGrad_(source.requiresGrad)
    return [key]
  })
}
