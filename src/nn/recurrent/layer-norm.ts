import { type Arguments, readOptions } from '../../core/arguments.js'
import { checkNumber, ValueError } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'
import { gatesOf } from '../../kernels/recurrent-layout.js'
import { cat } from '../../ops/join.js'
import { linear } from '../../ops/linear.js'
import type { Recurrence } from '../../ops/recurrent/composed.js'
import { recurrence } from '../../ops/recurrent/recurrence.js'
import { LayerNorm } from '../norm/layer-norm.js'
import type { Parameter } from '../parameter.js'
import type { PackedSequence } from '../utils/packed.js'
import { type BaseOptions, type Order, Recurrent, type RecurrentInput, type RecurrentOptions, recurrentOptions } from './base.js'
import { checkNonlinearity, type LstmOptions, lstmOptions, oneState, twoStates, withoutProjection } from './layers.js'

export interface LayerNormRecurrentOptions extends RecurrentOptions {
  /** Added to the variances. Default 1e-5. */
  eps?: number
}

const normOptions = [...recurrentOptions, 'eps'] as const

/** What is normalized on its own: layer norms of the product with the input, and of that with the state, by what comes before the suffix in their names. */
interface NormNames {
  readonly input: readonly string[]
  readonly state: readonly string[]
}

/**
 * Recurrent layers with layer normalization inside. Parameters have PyTorch's names where it has them; the norms are modules `ln_ih_l0`, `ln_hh_l0`,
 * ... , with a weight of 1 and a bias of 0 to begin with. Normalization is over features, so lengths and batch don't matter.
 */
abstract class LayerNormRecurrent extends Recurrent<BaseOptions & LayerNormRecurrentOptions> {
  /** [gates * hiddenSize, inputSize], of the first layer; the others are `weightIhL1`, ..., `weightIhL0Reverse`, ... */
  declare weightIhL0: Parameter
  /** [gates * hiddenSize, hiddenSize or projSize] */
  declare weightHhL0: Parameter

  private get names(): NormNames {
    if (this.cell === 'gru') return { input: ['lnIh', 'lnIn'], state: ['lnHh', 'lnHn'] }
    return this.cell === 'lstm' ? { input: ['lnIh'], state: ['lnHh'] } : { input: [], state: ['ln'] }
  }

  protected override addDirection(suffix: string, inputSize: number, options: BaseOptions & LayerNormRecurrentOptions): void {
    const { dtype, eps = 1e-5 } = options
    checkNumber('LayerNorm', 'eps', eps)
    if (!(eps >= 0)) throw new ValueError(`eps must not be negative, got ${eps}`)
    const { hiddenSize, cell } = this
    const rows = gatesOf[cell] * hiddenSize
    this.addParameter(`weightIh${suffix}`, [rows, inputSize], dtype)
    this.addParameter(`weightHh${suffix}`, [rows, this.outputSize], dtype)
    if (this.bias && cell === 'lstm') this.addParameter(`bias${suffix}`, [rows], dtype)
    if (this.projSize > 0) this.addParameter(`weightHr${suffix}`, [this.projSize, hiddenSize], dtype)
    const add = (name: string, size: number) => Reflect.set(this, `${name}${suffix}`, new LayerNorm(size, { eps, bias: this.bias, dtype }))
    const sizes = cell === 'gru' ? [2 * hiddenSize, hiddenSize] : [rows]
    for (const list of [this.names.input, this.names.state]) for (const [i, name] of list.entries()) add(name, sizes[i])
    if (cell === 'lstm') add('lnCell', hiddenSize)
  }

  protected override runDirection(suffix: string, x: Tensor, h: Tensor, c: Tensor | null, order: Order): Recurrence {
    const tensor = (name: string) => this.member<Tensor>(`${name}${suffix}`)
    const norm = (name: string) => this.member<LayerNorm>(`${name}${suffix}`) as LayerNorm
    const joined = (list: (Tensor | null)[]) => {
      const there = list.filter((t) => t !== null)
      return there.length > 1 ? cat(there, -1) : (there[0] ?? null)
    }
    const [input, state] = [this.names.input.map(norm), this.names.state.map(norm)]
    const ofCell = c ? norm('lnCell') : null
    let gates = linear(x, tensor('weightIh') as Tensor)
    if (input.length > 0) {
      const sizes = input.map((n) => n.normalizedShape[0])
      const parts = gates.split(sizes, -1)
      gates = joined(input.map((n, i) => n.forward(parts[i]))) as Tensor
    }
    const bias = tensor('bias')
    const parameters = {
      weight: tensor('weightHh') as Tensor,
      scale: joined(state.map((n) => n.weight)),
      shift: joined(state.map((n) => n.bias)),
      cellScale: ofCell?.weight ?? null,
      cellShift: ofCell?.bias ?? null,
      projection: tensor('weightHr'),
    }
    return recurrence(bias ? gates.add(bias) : gates, h, c, parameters, { cell: this.cell, eps: state[0].eps, ...order })
  }
}

export interface LayerNormRnnOptions extends LayerNormRecurrentOptions {
  /** `'tanh'` or `'relu'`. Default `'tanh'`. */
  nonlinearity?: 'tanh' | 'relu'
}

/**
 * `RNN` with layer normalization of the summed inputs: h_t = tanh(LN(W_ih x_t + W_hh h_{t-1})), or relu. Ba, Kiros and Hinton 2016,
 * arXiv:1607.06450, equation 4. Shapes and errors as `RNN`; `ln_l0` is the norm.
 */
export class LayerNormRNN extends LayerNormRecurrent {
  readonly nonlinearity: 'tanh' | 'relu'

  constructor(inputSize: number, hiddenSize: number, ...args: Arguments<[numLayers: number], LayerNormRnnOptions>) {
    const options = withoutProjection(
      readOptions<LayerNormRnnOptions & { projSize?: number }>('LayerNormRNN', [...normOptions, 'nonlinearity', 'projSize'], 1, args),
    )
    const { nonlinearity = 'tanh', ...rest } = options
    checkNonlinearity(nonlinearity)
    super('LayerNormRNN', nonlinearity, inputSize, hiddenSize, rest)
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
 * `GRU` with layer normalization: r, z = sigmoid(LN(W_ih x) + LN(W_hh h)), with one norm for r and z together;
 * n = tanh(LN(W_in x) + r LN(W_hn h)); h' = (1 - z) n + z h. Ba, Kiros and Hinton 2016, arXiv:1607.06450, supplement, with PyTorch's z.
 * Shapes and errors as `GRU`; the norms are `ln_ih_l0`, `ln_in_l0`, `ln_hh_l0`, `ln_hn_l0`.
 */
export class LayerNormGRU extends LayerNormRecurrent {
  constructor(inputSize: number, hiddenSize: number, ...args: Arguments<[numLayers: number], LayerNormRecurrentOptions>) {
    const options = readOptions<LayerNormRecurrentOptions & { projSize?: number }>('LayerNormGRU', [...normOptions, 'projSize'], 1, args)
    super('LayerNormGRU', 'gru', inputSize, hiddenSize, withoutProjection(options))
  }

  override forward(input: Tensor, hx?: Tensor | null): [output: Tensor, hn: Tensor]
  override forward(input: PackedSequence, hx?: Tensor | null): [output: PackedSequence, hn: Tensor]
  override forward(input: RecurrentInput, hx?: Tensor | null): [output: RecurrentInput, hn: Tensor] {
    const { output, states } = this.run(input, oneState(hx))
    return [output, states[0]]
  }
}

export type LayerNormLstmOptions = LayerNormRecurrentOptions & LstmOptions

/**
 * `LSTM` with layer normalization: i, f, g, o = LN(W_ih x) + LN(W_hh h) + b, each norm over all four gates;
 * c' = sigmoid(f) c + sigmoid(i) tanh(g); h' = sigmoid(o) tanh(LN(c')). Ba, Kiros and Hinton 2016, arXiv:1607.06450, supplement, equations 20 to 22.
 * Shapes and errors as `LSTM`; `bias_l0` is b, and the norms are `ln_ih_l0`, `ln_hh_l0`, `ln_cell_l0`.
 * @example const [output, [hn, cn]] = new nn.LayerNormLSTM(10, 20).forward(nn.utils.rnn.packSequence([randn([5, 10]), randn([3, 10])]))
 */
export class LayerNormLSTM extends LayerNormRecurrent {
  constructor(inputSize: number, hiddenSize: number, ...args: Arguments<[numLayers: number], LayerNormLstmOptions>) {
    super('LayerNormLSTM', 'lstm', inputSize, hiddenSize, readOptions<LayerNormLstmOptions>('LayerNormLSTM', [...lstmOptions, 'eps'], 1, args))
  }

  override forward(input: Tensor, hx?: readonly [h: Tensor, c: Tensor] | null): [output: Tensor, states: [hn: Tensor, cn: Tensor]]
  override forward(input: PackedSequence, hx?: readonly [h: Tensor, c: Tensor] | null): [output: PackedSequence, states: [hn: Tensor, cn: Tensor]]
  override forward(input: RecurrentInput, hx?: readonly [h: Tensor, c: Tensor] | null): [output: RecurrentInput, states: [hn: Tensor, cn: Tensor]] {
    const { output, states } = this.run(input, twoStates('LayerNormLSTM', hx))
    return [output, [states[0], states[1]]]
  }
}
