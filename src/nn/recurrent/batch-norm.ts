import { type Arguments, readOptions } from '../../core/arguments.js'
import type { Dtype } from '../../core/dtype.js'
import { checkNumber, ValueError } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'
import { stepsOf } from '../../kernels/recurrent-layout.js'
import { full, ones, zeros } from '../../ops/create.js'
import { cat } from '../../ops/join.js'
import { linear } from '../../ops/linear.js'
import { batchNorm } from '../../ops/norm/batch-norm.js'
import { composedRecurrence, type Recurrence } from '../../ops/recurrent/composed.js'
import { Module } from '../module.js'
import { pythonFloat } from '../names.js'
import { Parameter } from '../parameter.js'
import type { PackedSequence } from '../utils/packed.js'
import { type Order, Recurrent, type RecurrentInput, type RecurrentOptions, recurrentOptions } from './base.js'
import { twoStates } from './layers.js'

export interface BatchNormLstmOptions extends RecurrentOptions {
  /** Steps with statistics of their own; later ones share the last one's. Default 64. */
  maxLength?: number
  /** Added to the variances. Default 1e-5. */
  eps?: number
  /** Weight of a new batch in the running averages. Default 0.1. */
  momentum?: number
  /** What the norms' weights start as. Default 0.1: with 1 the gates saturate and gradients vanish. */
  gamma?: number
}

/** Batch normalization with running averages for each step, and one weight and bias for all. */
class StepBatchNorm extends Module {
  /** [features] */
  weight: Parameter
  /** [features], or null */
  bias: Parameter | null
  /** [maxLength, features] */
  declare runningMean: Tensor
  /** [maxLength, features] */
  declare runningVar: Tensor

  constructor(
    readonly features: number,
    readonly maxLength: number,
    bias: boolean,
    gamma: number,
    readonly eps: number,
    readonly momentum: number,
    dtype: Dtype | undefined,
  ) {
    super()
    this.weight = new Parameter(full([features], gamma, { dtype: dtype ?? 'float32' }))
    this.bias = bias ? new Parameter(zeros([features], { dtype })) : null
    this.registerBuffer('runningMean', zeros([maxLength, features], { dtype }))
    this.registerBuffer('runningVar', ones([maxLength, features], { dtype }))
  }

  /** @param x [B, features] */
  override forward(x: Tensor, step: number): Tensor {
    const row = Math.min(step, this.maxLength - 1)
    const [mean, variance] = [this.runningMean.select(0, row), this.runningVar.select(0, row)]
    // A single sequence has no variance: where the others have ended the averages stand in for it.
    return batchNorm(x, mean, variance, this.weight, this.bias, { training: this.training && x.shape[0] > 1, momentum: this.momentum, eps: this.eps })
  }

  override extraRepr(): string {
    return `${this.features}, max_length=${this.maxLength}, eps=${pythonFloat(this.eps)}, momentum=${pythonFloat(this.momentum)}`
  }
}

/**
 * `LSTM` with batch normalization: i, f, g, o = BN(W_ih x) + BN(W_hh h) + b; c' = sigmoid(f) c + sigmoid(i) tanh(g); h' = sigmoid(o) tanh(BN(c')).
 * Cooijmans et al. 2017, arXiv:1603.09025.
 *
 * Statistics go over the sequences of a step, with averages for each step up to `maxLength`; only the cell's norm has a bias. Steps count in the
 * order in which they are taken; in training a step with one sequence uses the averages. Runs step by step: no fused kernel can, as sequences depend on
 * each other. Shapes and errors as `LSTM`; the norms are `bn_ih_l0`, `bn_hh_l0`, `bn_cell_l0`.
 */
export class BatchNormLSTM extends Recurrent<BatchNormLstmOptions> {
  constructor(inputSize: number, hiddenSize: number, ...args: Arguments<[numLayers: number], BatchNormLstmOptions>) {
    const names = [...recurrentOptions, 'maxLength', 'eps', 'momentum', 'gamma'] as const
    super('BatchNormLSTM', 'lstm', inputSize, hiddenSize, readOptions<BatchNormLstmOptions>('BatchNormLSTM', names, 1, args))
  }

  protected override addDirection(suffix: string, inputSize: number, options: BatchNormLstmOptions): void {
    const { maxLength = 64, eps = 1e-5, momentum = 0.1, gamma = 0.1, dtype } = options
    for (const [name, value] of Object.entries({ maxLength, eps, momentum, gamma })) checkNumber('BatchNormLSTM', name, value)
    if (!Number.isInteger(maxLength) || maxLength < 1) throw new ValueError(`BatchNormLSTM: maxLength must be a whole number of at least 1, got ${maxLength}`)
    const { hiddenSize } = this
    this.addParameter(`weightIh${suffix}`, [4 * hiddenSize, inputSize], dtype)
    this.addParameter(`weightHh${suffix}`, [4 * hiddenSize, hiddenSize], dtype)
    if (this.bias) this.addParameter(`bias${suffix}`, [4 * hiddenSize], dtype)
    const add = (name: string, size: number, bias: boolean) =>
      Reflect.set(this, `${name}${suffix}`, new StepBatchNorm(size, maxLength, bias, gamma, eps, momentum, dtype))
    add('bnIh', 4 * hiddenSize, false)
    add('bnHh', 4 * hiddenSize, false)
    add('bnCell', hiddenSize, this.bias)
  }

  protected override runDirection(suffix: string, x: Tensor, h: Tensor, c: Tensor | null, order: Order): Recurrence {
    const tensor = (name: string) => this.member<Tensor>(`${name}${suffix}`)
    const [ofInput, ofState, ofCell] = ['bnIh', 'bnHh', 'bnCell'].map((name) => this.member<StepBatchNorm>(`${name}${suffix}`) as StepBatchNorm)
    const geometry = { cell: this.cell, eps: null, ...order }
    const inputs = linear(x, tensor('weightIh') as Tensor)
    const steps = stepsOf(geometry).map(({ start, count }, step) => ofInput.forward(inputs.narrow(0, start, count), step))
    const gates = cat(order.reverse ? steps.reverse() : steps)
    const bias = tensor('bias')
    const parameters = { weight: tensor('weightHh') as Tensor, scale: null, shift: null, cellScale: null, cellShift: null, projection: null }
    return composedRecurrence(bias ? gates.add(bias) : gates, h, c, parameters, geometry, {
      product: (p, step) => ofState.forward(p, step),
      cell: (state, step) => ofCell.forward(state, step),
    })
  }

  override forward(input: Tensor, hx?: readonly [h: Tensor, c: Tensor] | null): [output: Tensor, states: [hn: Tensor, cn: Tensor]]
  override forward(input: PackedSequence, hx?: readonly [h: Tensor, c: Tensor] | null): [output: PackedSequence, states: [hn: Tensor, cn: Tensor]]
  override forward(input: RecurrentInput, hx?: readonly [h: Tensor, c: Tensor] | null): [output: RecurrentInput, states: [hn: Tensor, cn: Tensor]] {
    const { output, states } = this.run(input, twoStates('BatchNormLSTM', hx))
    return [output, [states[0], states[1]]]
  }
}
