import { recordAll, registerHook } from '../autograd/index.js'
import type { HookHandle } from '../core/graph.js'
import { Tensor } from '../core/tensor.js'
import { detach } from '../ops/views.js'
import type { Module } from './module.js'

/** Gets the module and its inputs before forward; a returned array replaces the inputs. */
export type ForwardPreHook<Inputs extends readonly unknown[] = readonly Tensor[]> = (module: Module, inputs: Inputs) => readonly unknown[] | undefined | void
/** Gets the module, its inputs and its output; a returned value replaces the output. */
export type ForwardHook<Output = Tensor, Inputs extends readonly unknown[] = readonly Tensor[]> = (module: Module, inputs: Inputs, output: Output) => unknown
/** Gets the gradients with respect to the inputs and outputs; returned gradients replace those of the inputs. */
export type BackwardHook = (
  module: Module,
  gradInput: readonly (Tensor | null)[],
  gradOutput: readonly (Tensor | null)[],
) => readonly (Tensor | null)[] | undefined | void

/** What a module gets and gives is known to its own type alone, and hooks are kept for all of them. */
export type AnyForwardPreHook = ForwardPreHook<readonly unknown[]>
export type AnyForwardHook = ForwardHook<unknown, readonly unknown[]>

type Forward = (...inputs: never[]) => unknown

/** The hooks of one module. They wrap its own `forward` while there are any, so they fire whoever calls it, and a module without hooks pays nothing. */
export class ModuleHooks {
  readonly pre = new Set<AnyForwardPreHook>()
  readonly forward = new Set<AnyForwardHook>()
  readonly backward = new Set<BackwardHook>()
  private unwrap: (() => void) | null = null

  constructor(private readonly module: Module) {}

  /** Whether the module's `forward` is the one put there for hooks. */
  get wrapping(): boolean {
    return this.unwrap !== null
  }

  add<Hook>(hooks: Set<Hook>, hook: Hook): HookHandle {
    this.unwrap ??= this.wrap()
    hooks.add(hook)
    return {
      remove: () => {
        hooks.delete(hook)
        if (this.pre.size + this.forward.size + this.backward.size > 0) return
        this.unwrap?.()
        this.unwrap = null
      },
    }
  }

  private wrap(): () => void {
    const { module } = this
    const own = Object.getOwnPropertyDescriptor(module, 'forward')
    const inner: Forward = module.forward
    const value = (...inputs: unknown[]) => this.run(inner, inputs)
    Object.defineProperty(module, 'forward', { value, configurable: true, writable: true, enumerable: false })
    return () => {
      if (own) Object.defineProperty(module, 'forward', own)
      else Reflect.deleteProperty(module, 'forward')
    }
  }

  private run(forward: Forward, given: readonly unknown[]): unknown {
    let inputs = given
    for (const hook of this.pre) inputs = hook(this.module, inputs) ?? inputs
    const watch = this.backward.size > 0 ? new BackwardWatch(this.module, this.backward) : null
    if (watch) inputs = watch.inputs(inputs)
    let output = forward.apply(this.module, inputs as never[])
    for (const hook of this.forward) output = hook(this.module, inputs, output) ?? output
    return watch ? watch.outputs(output) : output
  }
}

/** What a hook on a tensor sees lives as long as what its user makes, instead of until backward has used it. */
function visible(tensors: Tensor[]): Tensor[] {
  for (const t of tensors) if (t.requiresGrad) registerHook(t, () => {})
  return tensors
}

/** Sees the gradients of a module's inputs and outputs through identity nodes before and behind it. */
class BackwardWatch {
  private gradOutput: readonly (Tensor | null)[] = []
  private inputsWatched = false

  constructor(
    private readonly module: Module,
    private readonly hooks: ReadonlySet<BackwardHook>,
  ) {}

  inputs(values: readonly unknown[]): unknown[] {
    const tensors = values.filter((v): v is Tensor => v instanceof Tensor)
    this.inputsWatched = tensors.some((t) => t.requiresGrad)
    const passed = visible(
      recordAll(tensors.map(detach), {
        name: 'BackwardHookFunctionBackward',
        inputs: tensors,
        backward: (gradInput) => this.call(gradInput),
      }),
    )
    return values.map((v) => (v instanceof Tensor ? passed[tensors.indexOf(v)] : v))
  }

  outputs(value: unknown): unknown {
    const tensors = value instanceof Tensor ? [value] : Array.isArray(value) ? value.filter((v): v is Tensor => v instanceof Tensor) : []
    const passed = visible(
      recordAll(tensors.map(detach), {
        name: 'BackwardHookFunctionBackward',
        inputs: tensors,
        backward: (gradOutput) => {
          this.gradOutput = gradOutput
          if (!this.inputsWatched) this.call(tensors.map(() => null))
          return gradOutput
        },
      }),
    )
    const replace = (v: unknown) => (v instanceof Tensor ? passed[tensors.indexOf(v)] : v)
    return Array.isArray(value) ? value.map(replace) : replace(value)
  }

  private call(gradInput: readonly (Tensor | null)[]): readonly (Tensor | null)[] {
    let grads = gradInput
    for (const hook of this.hooks) grads = hook(this.module, grads, this.gradOutput) ?? grads
    return grads
  }
}
