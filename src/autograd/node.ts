import { type Dtype, dtypes, isFloatingPoint } from '../core/dtype.js'
import { RuntimeError } from '../core/errors.js'
import type { Edge, GradFn, GradHook } from '../core/graph.js'
import { formatShape, type Shape } from '../core/shape.js'
import type { Storage } from '../core/storage.js'
import type { Tensor } from '../core/tensor.js'
import { arithmetic } from './arithmetic.js'
import { isAnomalyEnabled, isGradEnabled, noGrad } from './mode.js'

type Saved = readonly (Tensor | null)[]

/** How the gradients of one operation are computed; see `record`. */
export interface Rule<S extends Saved, G> {
  /** PyTorch's name of the backward node, such as `MulBackward0`: it appears in printed tensors and error texts. */
  name: string
  /** The inputs that can have a gradient, in the order in which `backward` returns theirs. */
  inputs: readonly (Tensor | null)[]
  /** What `backward` reads. Changing one of these in place before backward runs is an error. */
  saved?: S
  /** Tensors that only the graph sees (a norm's mean and rstd): released as soon as backward has used them. */
  scratch?: readonly (Tensor | null)[]
  /**
   * Written in ops, so that it can be differentiated again. `needs[i]` says whether input i's gradient is asked for; null stands for
   * zero. A result that is larger than its input by broadcasting, or of another dtype, is summed and converted by the engine.
   */
  backward(grad: G, saved: S, needs: readonly boolean[]): readonly (Tensor | null)[]
}

/** An unbounded number is not needed: 2^53 operations take centuries. */
let sequence = 0

export class Node implements GradFn {
  readonly sequence = sequence++
  readonly edges: readonly (Edge | null)[]
  readonly shapes: readonly (Shape | null)[]
  readonly inputDtypes: readonly (Dtype | null)[]
  /** Hooks on the tensors that are this node's outputs, by output. */
  readonly hooks: (Set<GradHook> | null)[] = []
  /** Tensors whose `.grad` is to be filled although they are no leaves, by output. */
  readonly retainers: (Set<Tensor> | null)[] = []
  /** Where the operation was called; only under anomaly detection. */
  readonly trace: string | undefined = isAnomalyEnabled() ? new Error('forward call').stack : undefined
  private versions: number[]
  private freed = false

  constructor(
    private rule: Rule<Saved, readonly (Tensor | null)[]>,
    readonly outputs: readonly { shape: Shape; dtype: Dtype }[],
  ) {
    this.edges = rule.inputs.map((t) => (t ? edgeOf(t) : null))
    this.shapes = rule.inputs.map((t) => (t ? t.shape : null))
    this.inputDtypes = rule.inputs.map((t) => (t ? t.dtype : null))
    this.versions = (rule.saved ?? []).map((t) => (t ? t.storage.version : 0))
    for (const t of rule.saved ?? []) t?.storage.addReader()
    if (watched && rule.saved?.some((t) => t?.storage === watched?.storage)) watched.saved = true
  }

  get name(): string {
    return this.rule.name
  }

  apply(grads: readonly (Tensor | null)[], needs: readonly boolean[]): readonly (Tensor | null)[] {
    if (this.freed) {
      throw new RuntimeError(
        'Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors after calling backward.',
      )
    }
    const saved = this.rule.saved ?? []
    for (let i = 0; i < saved.length; i++) {
      const t = saved[i]
      if (t && t.storage.version !== this.versions[i]) throw modified(t, this.versions[i])
    }
    return this.rule.backward(grads, saved, needs)
  }

  /** Drops what was saved for backward; what only the graph knew is released at once. */
  free(): void {
    if (!this.rule.saved?.length && !this.rule.scratch?.length) return
    this.freed = true
    for (const t of this.rule.saved ?? []) t?.storage.removeReader()
    for (const t of this.rule.scratch ?? []) t?.storage.release('after backward had used it')
    // The old rule's closure holds tensors too.
    this.rule = { name: this.rule.name, inputs: [], backward: () => [] }
    this.versions = []
  }
}

function modified(t: Tensor, expected: number): RuntimeError {
  const origin = t.gradFn ? `, which is output ${t.outputIndex} of ${t.gradFn.name},` : ''
  return new RuntimeError(
    `one of the variables needed for gradient computation has been modified by an inplace operation: [${dtypes[t.dtype].tensorName} ${formatShape(t.shape)}]${origin} is at version ${t.storage.version}; expected version ${expected} instead. Hint: enable anomaly detection to find the operation that failed to compute its gradient, with torch.autograd.set_detect_anomaly(True).`,
  )
}

/** Adds what arrives into the leaf's `.grad`. */
export class Accumulator implements GradFn {
  readonly name = 'AccumulateGrad'
  /** After every other node: a leaf's gradient is complete when all its users have run. */
  readonly sequence = -1
  readonly edges: readonly (Edge | null)[] = []
  constructor(readonly leaf: Tensor) {}
}

/** Where a tensor's gradient goes, or null where it needs none. */
export function edgeOf(t: Tensor): Edge | null {
  if (t.gradFn) {
    if (t.isView && t.historyAtView !== t.storage.histories) {
      throw new RuntimeError(
        'this view was made before its base was changed by an in-place operation, and its gradient would miss that change: make the view after the change.',
      )
    }
    return { node: t.gradFn, output: t.outputIndex }
  }
  if (!t.requiresGrad) return null
  t.accumulator ??= new Accumulator(t)
  return { node: t.accumulator, output: 0 }
}

function needsGraph(inputs: readonly (Tensor | null)[]): boolean {
  if (!isGradEnabled()) return false
  for (const t of inputs) if (t?.requiresGrad) return true
  return false
}

/**
 * Puts an operation with several outputs into the graph where an input requires grad. `backward` gets one gradient per output, null for
 * outputs that nothing used. Integer and bool outputs stay outside.
 */
export function recordAll<S extends Saved, T extends readonly Tensor[]>(outputs: T, rule: Rule<S, readonly (Tensor | null)[]>): T {
  if (!needsGraph(rule.inputs)) {
    for (const t of rule.scratch ?? []) t?.dispose()
    return outputs
  }
  // The rule's `saved` is handed back to its own `backward`, so the node may forget the tuple's exact type.
  const node = new Node(rule as Rule<Saved, readonly (Tensor | null)[]>, outputs)
  outputs.forEach((t, i) => {
    if (!isFloatingPoint(t.dtype)) return
    t.gradFn = node
    t.outputIndex = i
  })
  return outputs
}

/** Puts an operation with one output into the graph where an input requires grad, and returns that output. */
export function record<S extends Saved>(output: Tensor, rule: Rule<S, Tensor>): Tensor {
  if (!needsGraph(rule.inputs)) {
    for (const t of rule.scratch ?? []) t?.dispose()
    return output
  }
  const { name, inputs, saved, scratch } = rule
  const backward: Rule<S, readonly (Tensor | null)[]>['backward'] = ([grad], saved, needs) =>
    grad ? rule.backward(grad, saved, needs) : inputs.map(() => null)
  recordAll([output], { name, inputs, saved, scratch, backward })
  return output
}

/** The old value of a tensor that is being changed in place, and whether a node saved it for backward. */
let watched: { storage: Storage; saved: boolean } | null = null

/**
 * Changes `t` in place. Where a graph is recorded the new value is computed apart (`compute`), from a copy that has t's history, and is
 * then written over `t`: what earlier operations saved of it is only ever overwritten under a counted version, and what this one saves
 * stays.
 *
 * @param others what else goes into the new value
 * @param compute the new value from the old one
 * @throws RuntimeError with PyTorch's text for leaves that require grad, and for views where a graph is recorded
 */
export function inPlace<T extends Tensor>(t: T, others: readonly (Tensor | null)[], direct: () => void, compute: (original: Tensor) => Tensor): T {
  if (!needsGraph([t, ...others])) {
    direct()
    t.storage.version++
    return t
  }
  if (t.requiresGrad && t.isLeaf) throw new RuntimeError('a leaf Variable that requires grad is being used in an in-place operation.')
  if (t.isView) {
    throw new RuntimeError(
      'an in-place operation on a view would have to enter the history of its base, which is not supported: build the result with cat, stack or where instead, or wrap the change in noGrad().',
    )
  }
  const original = noGrad(() => arithmetic().clone(t))
  original.gradFn = t.gradFn
  original.outputIndex = t.outputIndex
  const watch = { storage: original.storage, saved: false }
  const before = watched
  watched = watch
  let result: Tensor
  try {
    result = compute(original)
  } finally {
    watched = before
  }
  arithmetic().copyInto(result, t)
  if (!watch.saved && result.storage !== original.storage) original.dispose()
  t.storage.version++
  t.storage.histories++
  t.gradFn = result.gradFn
  t.outputIndex = result.outputIndex
  return t
}
