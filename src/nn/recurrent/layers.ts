import { type Arguments, readOptions } from '../../core/arguments.js'
import { kindOf, ValueError } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'
import { gatesOf } from '../../kernels/recurrent-layout.js'
import { linear } from '../../ops/linear.js'
import type { Recurrence } from '../../ops/recurrent/composed.js'
import { recurrence } from '../../ops/recurrent/recurrence.js'
import type { Parameter } from '../parameter.js'
import type { PackedSequence } from '../utils/packed.js'
import { type BaseOptions, type Order, Recurrent, type RecurrentInput, type RecurrentOptions, recurrentOptions } from './base.js'

/** Layers whose weights and biases are PyTorch's, under its names: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, `weight_hr_l0`, `..._reverse`. */
abstract class PlainRecurrent extends Recurrent {
  /** [gates * hiddenSize, inputSize], of the first layer; the others are `weightIhL1`, ..., `weightIhL0Reverse`, ... */
  declare weightIhL0: Parameter
  /** [gates * hiddenSize, hiddenSize or projSize] */
  declare weightHhL0: Parameter

  protected override addDirection(suffix: string, inputSize: number, { dtype }: BaseOptions): void {
    const rows = gatesOf[this.cell] * this.hiddenSize
    this.addParameter(`weightIh${suffix}`, [rows, inputSize], dtype)
    this.addParameter(`weightHh${suffix}`, [rows, this.outputSize], dtype)
    if (this.bias) for (const name of ['biasIh', 'biasHh']) this.addParameter(`${name}${suffix}`, [rows], dtype)
    if (this.projSize > 0) this.addParameter(`weightHr${suffix}`, [this.projSize, this.hiddenSize], dtype)
  }

  protected override runDirection(suffix: string, x: Tensor, h: Tensor, c: Tensor | null, order: Order): Recurrence {
    const of = (name: string) => this.member<Tensor>(`${name}${suffix}`)
    const parameters = { weight: of('weightHh') as Tensor, shift: of('biasHh'), scale: null, cellScale: null, cellShift: null, projection: of('weightHr') }
    return recurrence(linear(x, of('weightIh') as Tensor, of('biasIh')), h, c, parameters, { cell: this.cell, eps: null, ...order })
  }
}

/** Options of a layer without projections. @throws ValueError with PyTorch's text for `projSize` */
export function withoutProjection<O extends object>(options: O): O {
  if ('projSize' in options) throw new ValueError('proj_size argument is only supported for LSTM, not RNN or GRU')
  return options
}

/** @throws ValueError with PyTorch's text */
export function checkNonlinearity(nonlinearity: unknown): void {
  if (nonlinearity !== 'tanh' && nonlinearity !== 'relu') throw new ValueError(`Unknown nonlinearity '${String(nonlinearity)}'. Select from 'tanh' or 'relu'.`)
}

/** A state beside the input of a layer with one state. */
export const oneState = (hx: Tensor | null | undefined): Tensor[] | null => (hx ? [hx] : null)

/** The two states of an LSTM. @throws TypeError where they are anything else */
export function twoStates(layer: string, hx: readonly [h: Tensor, c: Tensor] | null | undefined): readonly Tensor[] | null {
  if (hx === null || hx === undefined) return null
  if (!Array.isArray(hx) || hx.length !== 2) throw new TypeError(`${layer}: hx must be the two tensors [h, c], got ${kindOf(hx)}`)
  return hx
}

export interface RnnOptions extends RecurrentOptions {
  /** `'tanh'` or `'relu'`. Default `'tanh'`. */
  nonlinearity?: 'tanh' | 'relu'
}

/**
 * h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), or relu. As `torch.nn.RNN`; Elman 1990.
 *
 * Input [T, B, inputSize], or [B, T, inputSize] with `batchFirst`, [T, inputSize] for one sequence, or a `PackedSequence`. Gives the outputs of the last
 * layer [T, B, directions * hiddenSize] and the final states [layers * directions, B, hiddenSize].
 * @throws ValueError and RuntimeError with PyTorch's texts for wrong options and shapes
 */
export class RNN extends PlainRecurrent {
  readonly nonlinearity: 'tanh' | 'relu'

  constructor(
    inputSize: number,
    hiddenSize: number,
    ...args: Arguments<[numLayers: number, nonlinearity: 'tanh' | 'relu', bias: boolean, batchFirst: boolean], RnnOptions>
  ) {
    const names = ['numLayers', 'nonlinearity', 'bias', 'batchFirst', 'dropout', 'bidirectional', 'dtype', 'projSize'] as const
    const options = withoutProjection(readOptions<RnnOptions & { projSize?: number }>('RNN', names, 4, args))
    const { nonlinearity = 'tanh', ...rest } = options
    checkNonlinearity(nonlinearity)
    super('RNN', nonlinearity, inputSize, hiddenSize, rest)
    this.nonlinearity = nonlinearity
  }

  override forward(input: Tensor, hx?: Tensor | null): [output: Tensor, hn: Tensor]
  override forward(input: PackedSequence, hx?: Tensor | null): [output: PackedSequence, hn: Tensor]
  override forward(input: RecurrentInput, hx?: Tensor | null): [output: RecurrentInput, hn: Tensor] {
    const { output, states } = this.run(input, oneState(hx))
    return [output, states[0]]
  }
}

/**
 * Gated recurrent unit: r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh), n = tanh(W_in x + b_in + r (W_hn h + b_hn)), h' = (1 - z) n + z h.
 * As `torch.nn.GRU`; Cho et al. 2014, arXiv:1406.1078. Shapes and errors as `RNN`.
 */
export class GRU extends PlainRecurrent {
  constructor(inputSize: number, hiddenSize: number, ...args: Arguments<[numLayers: number, bias: boolean, batchFirst: boolean], RecurrentOptions>) {
    const options = readOptions<RecurrentOptions & { projSize?: number }>('GRU', [...recurrentOptions, 'projSize'], 3, args)
    super('GRU', 'gru', inputSize, hiddenSize, withoutProjection(options))
  }

  override forward(input: Tensor, hx?: Tensor | null): [output: Tensor, hn: Tensor]
  override forward(input: PackedSequence, hx?: Tensor | null): [output: PackedSequence, hn: Tensor]
  override forward(input: RecurrentInput, hx?: Tensor | null): [output: RecurrentInput, hn: Tensor] {
    const { output, states } = this.run(input, oneState(hx))
    return [output, states[0]]
  }
}

export interface LstmOptions extends RecurrentOptions {
  /** Project the output to so many features, 0 for none. Sak, Senior and Beaufays 2014, arXiv:1402.1128. Default 0. */
  projSize?: number
}

/** What LSTM and its normalized kin have in common: two states. */
export const lstmOptions = [...recurrentOptions, 'projSize'] as const

/**
 * Long short-term memory: i, f, g, o = W_ih x + b_ih + W_hh h + b_hh, c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c').
 * As `torch.nn.LSTM`; Hochreiter and Schmidhuber 1997.
 *
 * Input as `RNN`. Gives the outputs of the last layer [T, B, directions * (projSize or hiddenSize)] and the final states h
 * [layers * directions, B, projSize or hiddenSize] and c [layers * directions, B, hiddenSize].
 * @example const [output, [hn, cn]] = new nn.LSTM(10, 20, 2).forward(randn([5, 3, 10]))
 */
export class LSTM extends PlainRecurrent {
  constructor(inputSize: number, hiddenSize: number, ...args: Arguments<[numLayers: number, bias: boolean, batchFirst: boolean], LstmOptions>) {
    super('LSTM', 'lstm', inputSize, hiddenSize, readOptions<LstmOptions>('LSTM', lstmOptions, 3, args))
  }

  override forward(input: Tensor, hx?: readonly [h: Tensor, c: Tensor] | null): [output: Tensor, states: [hn: Tensor, cn: Tensor]]
  override forward(input: PackedSequence, hx?: readonly [h: Tensor, c: Tensor] | null): [output: PackedSequence, states: [hn: Tensor, cn: Tensor]]
  override forward(input: RecurrentInput, hx?: readonly [h: Tensor, c: Tensor] | null): [output: RecurrentInput, states: [hn: Tensor, cn: Tensor]] {
    const { output, states } = this.run(input, twoStates('LSTM', hx))
    return [output, [states[0], states[1]]]
  }
}
