import type { Tensor } from '../../core/tensor.js'
import { type Layer, ModuleList } from '../../nn/containers.js'
import { constant_ } from '../../nn/init.js'
import { Identity, Linear } from '../../nn/linear.js'
import { Module } from '../../nn/module.js'
import { BatchNorm1d, LayerNorm } from '../../nn/norm/index.js'
import { where } from '../../ops/binary.js'
import { zeros } from '../../ops/create.js'

export type SequenceNorm = 'none' | 'layer' | 'batch'
export type Cell = 'rnn' | 'gru' | 'lstm'
const gates: Readonly<Record<Cell, number>> = { rnn: 1, gru: 3, lstm: 4 }

/** Rows of a step that are data. */
export interface StepMask {
  /** bool [N, 1] */
  mask: Tensor
  count: number
}

/**
 * Norms of the pre-activations of every step. LayerNorm is one layer for all steps (Ba et al. 2016, arXiv:1607.06450, section 3.1). BatchNorm has statistics of
 * its own for each step, and one weight and bias for all would be usual; here each step has them, too. Weights start small, as those of Cooijmans et al. 2016
 * (arXiv:1603.09025, section 4.1) do.
 */
class StepNorms extends Module {
  readonly layers: ModuleList<Layer>

  constructor(
    private readonly norm: SequenceNorm,
    features: number,
    steps: number,
    gamma: number,
  ) {
    super()
    const count = norm === 'batch' ? steps : 1
    this.layers = new ModuleList(Array.from({ length: count }, () => makeNorm(norm, features, gamma)))
  }

  /** @param x [N, features] of a step @param data which rows are data, null for all */
  override forward(x: Tensor, step: number, data: StepMask | null): Tensor {
    const layer = this.layers.at(this.norm === 'batch' ? step : 0)
    if (!(layer instanceof BatchNorm1d)) return layer.forward(x)
    // A single row has no variance: the running averages stand in.
    const enough = (data?.count ?? x.shape[0]) > 1
    const { training } = layer
    if (!enough) layer.eval()
    const y = data && enough ? layer.forward(x.unsqueeze(2), { mask: data.mask }).squeeze(2) : layer.forward(x)
    layer.train(training)
    return y
  }
}

function makeNorm(norm: SequenceNorm, features: number, gamma: number): Layer {
  if (norm !== 'batch') return norm === 'layer' ? new LayerNorm(features) : new Identity()
  const layer = new BatchNorm1d(features)
  if (layer.weight) constant_(layer.weight, gamma)
  return layer
}

/** A recurrent layer whose pre-activations are normalised at each step, then a linear layer on the last state. */
export class SequenceClassifier extends Module {
  readonly input: Linear
  readonly recurrent: Linear
  readonly inputNorm: StepNorms
  readonly recurrentNorm: StepNorms
  readonly head: Linear

  constructor(
    private readonly cell: Cell,
    norm: SequenceNorm,
    features: number,
    private readonly hidden: number,
    steps: number,
    gamma: number,
  ) {
    super()
    const size = gates[cell] * hidden
    this.input = new Linear(features, size)
    this.recurrent = new Linear(hidden, size, { bias: false })
    this.inputNorm = new StepNorms(norm, size, steps, gamma)
    this.recurrentNorm = new StepNorms(norm, size, steps, gamma)
    this.head = new Linear(hidden, 10)
  }

  /**
   * @param x [N, steps, features]
   * @param masks for each step the rows that are data: others keep their state and enter no statistic. null takes padding for data
   */
  override forward(x: Tensor, masks: readonly StepMask[] | null = null): Tensor {
    const [n, steps] = x.shape
    let h = zeros([n, this.hidden])
    let c = zeros([n, this.hidden])
    for (let t = 0; t < steps; t++) {
      const data = masks?.[t] ?? null
      const a = this.inputNorm.forward(this.input.forward(x.select(1, t)), t, data)
      const b = this.recurrentNorm.forward(this.recurrent.forward(h), t, data)
      const [nextH, nextC] = this.step(a, b, h, c)
      h = data ? where(data.mask, nextH, h) : nextH
      c = data ? where(data.mask, nextC, c) : nextC
    }
    return this.head.forward(h)
  }

  private step(a: Tensor, b: Tensor, h: Tensor, c: Tensor): [h: Tensor, c: Tensor] {
    if (this.cell === 'rnn') return [a.add(b).tanh(), c]
    if (this.cell === 'gru') {
      const [ra, za, na] = a.chunk(3, 1)
      const [rb, zb, nb] = b.chunk(3, 1)
      const z = za.add(zb).sigmoid()
      const candidate = na.add(ra.add(rb).sigmoid().mul(nb)).tanh()
      return [candidate.add(z.mul(h.sub(candidate))), c]
    }
    const [i, f, g, o] = a.add(b).chunk(4, 1)
    const next = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()))
    return [o.sigmoid().mul(next.tanh()), next]
  }
}
