import { noGrad } from '../../autograd/index.js'
import { checkOptions, NotImplementedError, RuntimeError, ValueError } from '../../core/errors.js'
import { formatShape, sameShape } from '../../core/shape.js'
import { keep } from '../../core/storage.js'
import { Tensor } from '../../core/tensor.js'
import { copy_ } from '../../ops/copy.js'
import { ModuleDict, ModuleList } from '../containers.js'
import type { Member, Module } from '../module.js'
import { stateKey } from '../names.js'
import { Parameter } from '../parameter.js'

/** Computes a parameter from what is learned in its place. */
export interface Parametrization extends Module {
  forward(...originals: Tensor[]): Tensor
  /** What has to be learned for the result to be `value`; without it that is `value` itself. Several tensors are several originals. */
  rightInverse?(value: Tensor): Tensor | readonly Tensor[]
  /** What older files append to the tensor's key for each of the originals: `_g` and `_v` for `weight_g` and `weight_v`. */
  readonly formerSuffixes?: readonly string[]
}

const typeName = (value: unknown): string => (value === null ? 'null' : typeof value === 'object' ? value.constructor.name : typeof value)

/**
 * The parametrizations of one tensor, each applied to the result of the one before, and the originals that the first one reads: `original`, or
 * `original0`, `original1`, ... As `torch.nn.utils.parametrize.ParametrizationList`; found as `module.parametrizations.get('weight')`.
 */
export class ParametrizationList extends ModuleList<Parametrization> {
  private readonly tensors = new Map<string, Tensor>()

  constructor(
    parametrizations: readonly Parametrization[],
    original: Tensor,
    public unsafe = false,
  ) {
    super(parametrizations)
    const inverse = this.invert(original, true)
    if (inverse instanceof Tensor) {
      if (inverse.dtype !== original.dtype) {
        throw new ValueError(
          `When \`right_inverse\` outputs one tensor, it may not change the dtype.\noriginal.dtype: torch.${original.dtype}\nright_inverse(original).dtype: torch.${inverse.dtype}`,
        )
      }
      this.tensors.set('original', withValues(original, inverse))
    } else {
      inverse.forEach((t, i) => {
        const owned = original instanceof Parameter ? new Parameter(t, original.requiresGrad) : keep(t)
        this.tensors.set(`original${i}`, owned)
      })
    }
    if (!unsafe) checkUnchanged(this.forward(), original, ['', 'unparametrized ', 'parametrized '])
  }

  /** What is learned: one tensor, or several where the first parametrization has several inputs. */
  get originals(): readonly Tensor[] {
    return [...this.tensors.values()]
  }

  protected override *members(): Generator<[string, Member]> {
    yield* this.tensors
    yield* super.members()
  }

  protected override replaceMember(key: string, value: Member): void {
    if (this.tensors.has(key)) this.tensors.set(key, value instanceof Parameter ? value : keep(value as Tensor))
    else super.replaceMember(key, value)
  }

  override formerKeys(prefix: string): Readonly<Record<string, string>> {
    const suffixes = this.at(0).formerSuffixes ?? []
    const tensorKey = prefix.replace(/parametrizations\.([^.]*)\.$/, '$1')
    return Object.fromEntries([...this.tensors.keys()].slice(0, suffixes.length).map((name, i) => [name, tensorKey + suffixes[i]]))
  }

  override forward(): Tensor {
    const [first, ...rest] = this
    return rest.reduce((x, parametrization) => parametrization.forward(x), first.forward(...this.tensors.values()))
  }

  /** Sets the originals so that the result is `value`. @throws RuntimeError where a parametrization has no `rightInverse` */
  assign(value: Tensor): void {
    const inverse = this.invert(value, false)
    const values: readonly Tensor[] = inverse instanceof Tensor ? [inverse] : inverse
    if (values.length !== this.tensors.size) {
      throw new ValueError(`'right_inverse' must return a sequence of tensors of length ${this.tensors.size}. Got a sequence of length ${values.length}.`)
    }
    ;[...this.tensors].forEach(([name, original], i) => {
      if (values[i].dtype !== original.dtype) {
        throw new ValueError(`The tensor returned by \`right_inverse\` has dtype torch.${values[i].dtype} while \`${name}\` has dtype torch.${original.dtype}`)
      }
      this.tensors.set(name, withValues(original, values[i]))
    })
  }

  private invert(value: Tensor, lenient: boolean): Tensor | readonly Tensor[] {
    return noGrad(() => {
      let current: Tensor | readonly Tensor[] = value.detach()
      for (const parametrization of [...this].reverse()) {
        if (!parametrization.rightInverse && !lenient) {
          throw new RuntimeError(`parametrization ${parametrization.constructor.name} does not implement right_inverse.`)
        }
        try {
          current = parametrization.rightInverse?.(current as Tensor) ?? current
        } catch (error) {
          if (!lenient || !(error instanceof NotImplementedError)) throw error
        }
      }
      if (!(current instanceof Tensor) && !Array.isArray(current)) {
        throw new ValueError(`'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got ${typeName(current)}`)
      }
      return current
    })
  }
}

/** The same object with other values, so that an optimizer goes on knowing it; a new one where the shapes differ. */
function withValues(original: Tensor, values: Tensor): Tensor {
  if (sameShape(original.shape, values.shape)) {
    if (values.storage !== original.storage) noGrad(() => copy_(original.detach(), values))
    return original
  }
  const data = values.detach().clone()
  return original instanceof Parameter ? new Parameter(data, original.requiresGrad) : keep(data)
}

/** @throws ValueError where a parametrization changes shape or dtype without the flag `unsafe` */
function checkUnchanged(result: unknown, original: Tensor, [the, before, after]: readonly [string, string, string]): void {
  if (!(result instanceof Tensor)) throw new ValueError(`A parametrization must return a tensor. Got ${typeName(result)}.`)
  const compare = (what: string, was: string, is: string) => {
    if (was === is) return
    throw new ValueError(
      `Registering a parametrization may not change the ${what} of the tensor, unless ${the}\`unsafe\` flag is enabled.\n${before}${what}: ${was}\n${after}${what}: ${is}`,
    )
  }
  compare('dtype', `torch.${original.dtype}`, `torch.${result.dtype}`)
  compare('shape', `torch.Size(${formatShape(original.shape)})`, `torch.Size(${formatShape(result.shape)})`)
}

type Parametrizations = ModuleDict<ParametrizationList>

function parametrizationsOf(module: Module): Parametrizations | null {
  const found: unknown = Reflect.get(module, 'parametrizations')
  return found instanceof ModuleDict ? found : null
}

const listOf = (module: Module, name: string): ParametrizationList | null => {
  const all = parametrizationsOf(module)
  return all?.has(stateKey(name)) ? all.get(stateKey(name)) : null
}

/** The parameter or buffer that a module keeps under a name, or null. */
export function ownTensor(module: Module, name: string): Tensor | null {
  const value: unknown = Reflect.get(module, name)
  if (!(value instanceof Tensor)) return null
  return value instanceof Parameter || module.buffers().includes(value) ? value : null
}

/** Gives the module a class of its own: what PyTorch prints as `ParametrizedLinear`. */
function becomeParametrized(module: Module): void {
  const own: object = Object.getPrototypeOf(module)
  const prototype: object = Object.create(own)
  const parametrizedClass = class {}
  Object.defineProperty(parametrizedClass, 'name', { value: `Parametrized${module.constructor.name}` })
  Object.defineProperty(prototype, 'constructor', { value: parametrizedClass, configurable: true, writable: true })
  Object.setPrototypeOf(module, prototype)
}

/**
 * Computes `module[name]` with a parametrization whenever it is read: `module.weight` is then `parametrization.forward(original)`, gradients flow to
 * the original, and optimizers learn that. As `torch.nn.utils.parametrize.register_parametrization`.
 *
 * State-dict keys are PyTorch's: `parametrizations.weight.original`, or `original0`, `original1`, ... where `rightInverse` returns several tensors.
 * Further parametrizations of the same tensor are applied after the first. Assigning to `module.weight` sets the originals through `rightInverse`.
 * Where several originals are made, they are new parameters: make optimizers afterwards.
 *
 * @param name of a parameter or buffer: `'weight'`
 * @param options.unsafe allow the parametrization to change shape and dtype, and don't try it out. Default false.
 * @returns module
 * @throws ValueError where there is no such tensor, or the parametrization changes its shape or dtype
 */
export function registerParametrization<M extends Module>(module: M, name: string, parametrization: Parametrization, options: { unsafe?: boolean } = {}): M {
  checkOptions('registerParametrization', options, ['unsafe'])
  const { unsafe = false } = options
  parametrization.train(module.training)
  const existing = listOf(module, name)
  if (existing) {
    if (!unsafe) {
      const before = existing.forward()
      const names = ['the ', `module.${name}.`, `parametrization(module.${name}).`] as const
      checkUnchanged(parametrization.forward(before), before, names)
    }
    existing.append(parametrization)
    existing.unsafe ||= unsafe
    return module
  }
  const original = ownTensor(module, name)
  if (!original) {
    throw new ValueError(`Module '${module}' does not have a parameter, a buffer, or a parametrized element with name '${name}'`)
  }
  const list = new ParametrizationList([parametrization], original, unsafe).train(module.training)
  if (!parametrizationsOf(module)) {
    becomeParametrized(module)
    Reflect.set(module, 'parametrizations', new ModuleDict<ParametrizationList>())
  }
  computeOnRead(
    module,
    name,
    (self) => (listOf(self, name) as ParametrizationList).forward(),
    (self, value) => (listOf(self, name) as ParametrizationList).assign(value),
  )
  parametrizationsOf(module)?.set(stateKey(name), list)
  return module
}

/** Makes an attribute computed. It is no member any more, and a copy of the module computes it from the copy's own members. */
export function computeOnRead(module: Module, name: string, read: (self: Module) => Tensor, write?: (self: Module, value: Tensor) => void): void {
  Object.defineProperty(module, name, {
    get(this: Module) {
      return read(this)
    },
    set: write
      ? function (this: Module, value: Tensor) {
          write(this, value)
        }
      : undefined,
    enumerable: false,
    configurable: true,
  })
}

/** Makes a computed attribute an ordinary one, the last in order, as in PyTorch. */
export function restoreAttribute(module: Module, name: string, value: Tensor): void {
  Reflect.deleteProperty(module, name)
  Object.defineProperty(module, name, { value, enumerable: true, configurable: true, writable: true })
}

/** Whether a tensor of the module, or that with the given name, is parametrized. As `torch.nn.utils.parametrize.is_parametrized`. */
export function isParametrized(module: Module, name?: string): boolean {
  return name === undefined ? (parametrizationsOf(module)?.length ?? 0) > 0 : listOf(module, name) !== null
}

/**
 * Makes a parametrized tensor an ordinary one again. As `torch.nn.utils.parametrize.remove_parametrizations`.
 *
 * @param options.leaveParametrized keep the computed value, else the original. Default true.
 * @returns module
 * @throws ValueError where it is not parametrized, or there are several originals to leave
 */
export function removeParametrizations<M extends Module>(module: M, name: string, options: { leaveParametrized?: boolean } = {}): M {
  checkOptions('removeParametrizations', options, ['leaveParametrized'])
  const { leaveParametrized = true } = options
  const all = parametrizationsOf(module)
  const list = listOf(module, name)
  if (!all || !list) throw new ValueError(`Module ${module} does not have a parametrization on ${name}`)
  const { originals } = list
  if (originals.length > 1 && !leaveParametrized) {
    throw new ValueError('Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a sequence of tensors.')
  }
  const [original] = originals
  const value = leaveParametrized ? noGrad(() => list.forward()) : original
  const learned = originals.some((t) => t.requiresGrad)
  const isParameter = original instanceof Parameter
  restoreAttribute(module, name, originals.length === 1 ? withValues(original, value) : isParameter ? new Parameter(value, learned) : keep(value))
  all.delete(stateKey(name))
  if (all.length === 0) {
    Reflect.deleteProperty(module, 'parametrizations')
    Object.setPrototypeOf(module, Object.getPrototypeOf(Object.getPrototypeOf(module)))
  }
  return module
}
