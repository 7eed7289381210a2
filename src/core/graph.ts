import type { Tensor } from './tensor.js'

/**
 * What a tensor knows of the graph that made it. Only the shape of it is said here, so that a Tensor can point to its node;
 * `autograd/` builds and walks it.
 */
export interface GradFn {
  /** PyTorch's name of the node, such as `NativeBatchNormBackward0`. */
  readonly name: string
  /** Later operations have larger numbers, so walking numbers downward visits every node after all its users. */
  readonly sequence: number
  /** Where gradients go: for each differentiable input its node and which output of that node it was, or null. */
  readonly edges: readonly (Edge | null)[]
}

export interface Edge {
  readonly node: GradFn
  readonly output: number
}

/** Called with a tensor's gradient during backward; a returned tensor takes its place. */
export type GradHook = (grad: Tensor) => Tensor | undefined | void

/** A registered hook. */
export interface HookHandle {
  remove(): void
}
