import { isFloatingPoint } from '../core/dtype.js'
import { RuntimeError } from '../core/errors.js'
import type { Edge, GradFn, GradHook } from '../core/graph.js'
import { formatShape, sameShape } from '../core/shape.js'
import { getCurrentScope, Scope, type Storage } from '../core/storage.js'
import type { Tensor } from '../core/tensor.js'
import { arithmetic } from './arithmetic.js'
import { isAnomalyEnabled, isGradEnabled, setGradEnabled } from './mode.js'
import { Accumulator, edgeOf, Node } from './node.js'

/** What released a gradient, for the error text of a later use. */
const USED = 'when backward had used it'

export interface RunOptions {
  retainGraph: boolean
  createGraph: boolean
  /** The tensors whose gradients are wanted; null for all leaves. */
  inputs: readonly Tensor[] | null
  /** Add to the inputs' `.grad` rather than return. */
  accumulate: boolean
}

/**
 * Walks the graph from the roots. Nodes are visited by descending sequence number: an operation is always newer than what it was computed
 * from, so each node comes after all its users and its gradient is complete.
 *
 * Memory: unless the walk is itself recorded (`createGraph`), every gradient that has been consumed, and everything a rule made on the
 * way, is released at once, so the walk needs little more than the widest pair of neighbouring gradients.
 */
export function runBackward(roots: readonly Tensor[], rootGrads: readonly Tensor[], options: RunOptions): (Tensor | null)[] {
  const gradBefore = isGradEnabled()
  const userScope = getCurrentScope()
  const walk = new Walk(options, userScope)
  setGradEnabled(options.createGraph)
  try {
    return walk.run(roots, rootGrads)
  } finally {
    setGradEnabled(gradBefore)
    walk.end()
  }
}

class Walk {
  private readonly pending = new Map<GradFn, (Tensor | null)[]>()
  /** How many pending gradients lie on each storage that the walk made. */
  private readonly holds = new Map<Storage, number>()
  /** Owns the gradients in flight; null while the walk itself is recorded, as then the new graph keeps them. */
  private readonly scope: Scope | null
  private readonly captured: (Tensor | null)[]
  private readonly wanted = new Map<GradFn, { output: number; input: number }[]>()

  constructor(
    private readonly options: RunOptions,
    private readonly userScope: Scope | null,
  ) {
    this.scope = options.createGraph ? null : new Scope(USED).enter()
    this.captured = (options.inputs ?? []).map(() => null)
  }

  run(roots: readonly Tensor[], rootGrads: readonly Tensor[]): (Tensor | null)[] {
    const start: Edge[] = []
    roots.forEach((root, i) => {
      const edge = edgeOf(root)
      if (!edge) throw new RuntimeError(`element ${i} of tensors does not require grad and does not have a grad_fn`)
      start.push(edge)
      this.deposit(edge, rootGrads[i])
    })
    this.options.inputs?.forEach((t, input) => {
      const edge = edgeOf(t)
      if (!edge) throw new RuntimeError('One of the differentiated Tensors does not require grad')
      const list = this.wanted.get(edge.node)
      if (list) list.push({ output: edge.output, input })
      else this.wanted.set(edge.node, [{ output: edge.output, input }])
    })
    const order = reachable(start).sort((a, b) => b.sequence - a.sequence)
    const leads = this.options.inputs ? this.leadsToWanted(order) : null
    for (const node of order) {
      const grads = this.pending.get(node)
      this.pending.delete(node)
      if (!grads || (leads && !leads.has(node))) continue
      if (node instanceof Accumulator) this.accumulate(node, grads[0])
      else if (node instanceof Node) this.visit(node, grads, leads)
      for (const g of grads) if (g) this.letGo(g)
    }
    return this.captured
  }

  end(): void {
    this.scope?.leave()
    this.scope?.release()
  }

  private visit(node: Node, grads: (Tensor | null)[], leads: Set<GradFn> | null): void {
    for (let i = 0; i < grads.length; i++) {
      grads[i] = this.runHooks(node.hooks[i] ?? null, grads[i])
      for (const t of node.retainers[i] ?? []) this.addToGrad(t, grads[i])
    }
    this.capture(node, grads)
    const needs = node.edges.map((e) => e !== null && (!leads || leads.has(e.node)))
    if (!needs.includes(true)) return
    // What the rule makes on the way is released when it returns; only its results move on.
    const inner = this.scope ? new Scope(USED).enter() : null
    let results: (Tensor | null)[]
    try {
      results = node.apply(grads, needs).map((g, i) => (g && needs[i] ? this.fit(g, node, i) : null))
      if (isAnomalyEnabled()) checkNaN(node, results)
      for (const g of results) if (g && inner && g.storage.scope === inner) g.storage.moveTo(this.scope)
    } finally {
      inner?.leave()
      inner?.release()
    }
    results.forEach((g, i) => {
      const edge = node.edges[i]
      if (g && edge) this.deposit(edge, g)
    })
    if (!this.options.retainGraph) node.free()
  }

  /** Sums away broadcast axes and converts the dtype, so that rules need not. */
  private fit(grad: Tensor, node: Node, i: number): Tensor {
    const shape = node.shapes[i]
    const dtype = node.inputDtypes[i]
    let g = grad
    if (shape && !sameShape(g.shape, shape)) {
      if (g.ndim < shape.length) {
        throw new RuntimeError(
          `Function ${node.name} returned an invalid gradient at index ${i} - got ${formatShape(g.shape)} but expected shape compatible with ${formatShape(shape)}`,
        )
      }
      g = arithmetic().sumToShape(g, shape)
    }
    return dtype && g.dtype !== dtype ? arithmetic().to(g, dtype) : g
  }

  private deposit(edge: Edge, grad: Tensor): void {
    let slots = this.pending.get(edge.node)
    if (!slots) {
      slots = edge.node instanceof Node ? edge.node.outputs.map(() => null) : [null]
      this.pending.set(edge.node, slots)
    }
    const before = slots[edge.output]
    if (!before) {
      slots[edge.output] = grad
      this.hold(grad)
    } else if (this.isOurs(before)) {
      arithmetic().addInPlace(before, grad)
      if (this.isOurs(grad, 0)) grad.storage.release(USED)
    } else if (this.isOurs(grad, 0)) {
      arithmetic().addInPlace(grad, before)
      slots[edge.output] = grad
      this.hold(grad)
      this.letGo(before)
    } else {
      const sum = arithmetic().add(before, grad)
      slots[edge.output] = sum
      this.hold(sum)
      this.letGo(before)
    }
  }

  private hold(g: Tensor): void {
    this.holds.set(g.storage, (this.holds.get(g.storage) ?? 0) + 1)
  }

  private letGo(g: Tensor): void {
    const left = (this.holds.get(g.storage) ?? 1) - 1
    if (left > 0) {
      this.holds.set(g.storage, left)
      return
    }
    this.holds.delete(g.storage)
    if (this.scope && g.storage.scope === this.scope) g.storage.release(USED)
  }

  /** Whether the walk made this storage and nothing but `holders` pending gradients lies on it, the whole of it in order. */
  private isOurs(g: Tensor, holders = 1): boolean {
    return this.scope !== null && g.storage.scope === this.scope && (this.holds.get(g.storage) ?? 0) === holders && g.isContiguous() && !g.isView
  }

  private runHooks(hooks: Set<GradHook> | null, grad: Tensor | null): Tensor | null {
    let g = grad
    if (!g || !hooks) return g
    for (const hook of hooks) {
      this.giveToUser(g)
      const replacement: Tensor | undefined | void = hook(g)
      if (!replacement) continue
      if (!sameShape(replacement.shape, g.shape)) {
        throw new RuntimeError(`hook has changed the size of value: expected ${formatShape(g.shape)}, got ${formatShape(replacement.shape)}`)
      }
      this.hold(replacement)
      this.letGo(g)
      g = replacement
    }
    return g
  }

  /** A gradient that users may hold lives as long as anything else they made at this point. */
  private giveToUser(g: Tensor): void {
    if (this.scope && g.storage.scope === this.scope) g.storage.moveTo(this.userScope)
  }

  private capture(node: GradFn, grads: readonly (Tensor | null)[]): void {
    for (const { output, input } of this.wanted.get(node) ?? []) {
      const g = grads[output]
      if (!g) continue
      if (this.options.accumulate) {
        const t = this.options.inputs?.[input]
        if (t) this.addToGrad(t, g)
      } else {
        this.giveToUser(g)
        this.captured[input] = g
      }
    }
  }

  private accumulate(node: Accumulator, grad: Tensor | null): void {
    const g = this.runHooks(node.leaf.gradHooks, grad)
    if (!g) return
    if (this.options.inputs) this.capture(node, [g])
    else this.addToGrad(node.leaf, g)
  }

  private addToGrad(t: Tensor, g: Tensor | null): void {
    if (!g) return
    if (t.grad === null) {
      // Our own gradient becomes the leaf's, and lives as long; one that something else may see is copied.
      t.grad = this.options.createGraph || this.isOurs(g) ? g : arithmetic().clone(g)
    } else if (this.options.createGraph || t.grad.requiresGrad) t.grad = arithmetic().add(t.grad, g)
    else {
      t.grad.storage.version++
      arithmetic().addInPlace(t.grad, g)
    }
  }

  /** The nodes from which a wanted gradient can be reached. `order` has users first, so it is walked backwards. */
  private leadsToWanted(order: readonly GradFn[]): Set<GradFn> {
    const leads = new Set<GradFn>()
    for (let i = order.length - 1; i >= 0; i--) {
      const node = order[i]
      if (this.wanted.has(node) || node.edges.some((e) => e && leads.has(e.node))) leads.add(node)
    }
    return leads
  }
}

function reachable(start: readonly Edge[]): GradFn[] {
  const seen = new Set<GradFn>(start.map((e) => e.node))
  // Sets iterate over what is added meanwhile: a breadth-first walk without a stack.
  for (const node of seen) for (const e of node.edges) if (e) seen.add(e.node)
  return [...seen]
}

function checkNaN(node: Node, grads: readonly (Tensor | null)[]): void {
  grads.forEach((g, i) => {
    if (!g || !isFloatingPoint(g.dtype) || !arithmetic().hasNaN(g)) return
    const where = node.trace
      ? `\nThe forward call was:\n${node.trace.split('\n').slice(1).join('\n')}`
      : '\nThe forward call was made without anomaly detection, so its place is unknown.'
    throw new RuntimeError(`Function '${node.name}' returned nan values in its ${i}th output.${where}`)
  })
}
