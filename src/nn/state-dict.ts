import { kindOf, RuntimeError } from '../core/errors.js'
import { formatShape, sameShape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import type { Module } from './module.js'

/** Version of each module's entries, by its prefix; absent in files that carry none. */
export const stateDictVersions: unique symbol = Symbol('stateDictVersions')

/** Tensors by PyTorch's keys. */
export type StateDict = Record<string, Tensor> & { [stateDictVersions]?: Readonly<Record<string, number>> }

export interface LoadOptions {
  /** Whether every key must be there and known. Default true. */
  strict?: boolean
}

/** The keys of the model that the state lacks, and those of the state that the model lacks. */
export interface LoadResult {
  missingKeys: string[]
  unexpectedKeys: string[]
}

/** Why a module refuses a state dict, and the whole keys that are thereby spoken of. */
export interface LoadProblem {
  readonly text: string
  readonly keys: readonly string[]
}

/** The work of `Module.loadStateDict`: everything is checked before anything is copied. */
export function loadStateDict(root: Module, state: StateDict, options: LoadOptions, copy: (target: Tensor, source: Tensor) => void): LoadResult {
  if (state === null || typeof state !== 'object') {
    throw new TypeError(`Expected state_dict to be dict-like, got ${kindOf(state)}.`)
  }
  const { strict = true } = options
  const missingKeys: string[] = []
  const problems: string[] = []
  const known = new Set<string>()
  const copies: [Tensor, Tensor][] = []
  const visit = (module: Module, prefix: string) => {
    const version = state[stateDictVersions]?.[prefix.slice(0, -1)]
    for (const { text, keys } of module.prepareToLoad(state, prefix, version)) {
      problems.push(text)
      for (const key of keys) known.add(key)
    }
    const optional = module.missingKeysAllowed(version)
    const former = module.formerKeys(prefix)
    for (const [name, target] of module.ownState()) {
      const current = prefix + name
      const key = !(current in state) && name in former && former[name] in state ? former[name] : current
      known.add(key)
      const source = state[key]
      if (source === undefined) {
        if (!optional.includes(name)) missingKeys.push(key)
      } else if (!(source instanceof Tensor)) {
        problems.push(`While copying the parameter named "${key}", expected torch.Tensor or Tensor-like object from checkpoint but received ${kindOf(source)}`)
      } else if (!sameShape(source.shape, target.shape) && !(target.ndim === 0 && sameShape(source.shape, [1]))) {
        problems.push(
          `size mismatch for ${key}: copying a param with shape torch.Size(${formatShape(source.shape)}) from checkpoint, the shape in current model is torch.Size(${formatShape(target.shape)}).`,
        )
      } else copies.push([target, source.ndim === target.ndim ? source : source.reshape([])])
    }
    for (const [name, child] of module.namedChildren()) visit(child, `${prefix}${name}.`)
  }
  visit(root, '')
  const unexpectedKeys = Object.keys(state).filter((key) => !known.has(key))
  const quote = (keys: string[]) => keys.map((k) => `"${k}"`).join(', ')
  if (strict && unexpectedKeys.length > 0) problems.unshift(`Unexpected key(s) in state_dict: ${quote(unexpectedKeys)}. `)
  if (strict && missingKeys.length > 0) problems.unshift(`Missing key(s) in state_dict: ${quote(missingKeys)}. `)
  if (problems.length > 0) throw new RuntimeError(`Error(s) in loading state_dict for ${root.constructor.name}:\n\t${problems.join('\n\t')}`)
  for (const [target, source] of copies) copy(target, source)
  return { missingKeys, unexpectedKeys }
}
