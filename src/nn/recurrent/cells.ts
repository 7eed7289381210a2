import { type Arguments, readOptions } from '../../core/arguments.js'
import { type Dtype, dtypes } from '../../core/dtype.js'
import { RuntimeError, ValueError } from '../../core/errors.js'
import { checkTensor, type Tensor } from '../../core/tensor.js'
import type { RecurrentCell } from '../../kernels/contract.js'
import { gatesOf } from '../../kernels/recurrent-layout.js'
import { composed } from '../../ops/composed.js'
import { empty, zeros } from '../../ops/create.js'
import { linear } from '../../ops/linear.js'
import { recurrence } from '../../ops/recurrent/recurrence.js'
import { requireArguments } from '../arguments.js'
import { uniform_ } from '../init.js'
import { Module } from '../module.js'
import { pythonRepr } from '../names.js'
import { Parameter } from '../parameter.js'
import { twoStates } from './layers.js'

export interface RecurrentCellOptions {
  /** Learn biases. Default true. */
  bias?: boolean
  /** Of the parameters. Default float32. */
  dtype?: Dtype
}

/** One step of a recurrent layer, for loops of one's own. */
abstract class Cell extends Module {
  /** [gates * hiddenSize, inputSize] */
  weightIh: Parameter
  /** [gates * hiddenSize, hiddenSize] */
  weightHh: Parameter
  /** [gates * hiddenSize], or null */
  biasIh: Parameter | null = null
  /** [gates * hiddenSize], or null */
  biasHh: Parameter | null = null

  protected constructor(
    private readonly layer: string,
    private readonly cell: RecurrentCell | null,
    readonly inputSize: number,
    readonly hiddenSize: number,
    { bias = true, dtype }: RecurrentCellOptions,
  ) {
    super()
    requireArguments(layer, { input_size: inputSize, hidden_size: hiddenSize })
    const rows = gatesOf[cell ?? 'tanh'] * hiddenSize
    this.weightIh = new Parameter(empty([rows, inputSize], { dtype }))
    this.weightHh = new Parameter(empty([rows, hiddenSize], { dtype }))
    if (bias) {
      this.biasIh = new Parameter(empty([rows], { dtype }))
      this.biasHh = new Parameter(empty([rows], { dtype }))
    }
    this.resetParameters()
  }

  /** Draws new initial values, uniform in (-k, k), k = 1 / sqrt(hiddenSize). */
  resetParameters(): void {
    const bound = this.hiddenSize > 0 ? 1 / Math.sqrt(this.hiddenSize) : 0
    for (const p of this.parameters()) uniform_(p, { a: -bound, b: bound })
  }

  /** The next states, as many as the cell has. */
  protected step(input: Tensor, given: readonly Tensor[] | null): Tensor[] {
    const { layer, cell, inputSize, hiddenSize } = this
    checkTensor(`${layer}.forward`, 'input', input)
    for (const s of given ?? []) checkTensor(`${layer}.forward`, 'hx', s)
    const isLstm = cell === 'lstm'
    if (input.ndim !== 1 && input.ndim !== 2) throw new ValueError(`${layer}: Expected input to be 1D or 2D, got ${input.ndim}D instead`)
    given?.forEach((s, i) => {
      if (s.ndim !== 1 && s.ndim !== 2) throw new ValueError(`${layer}: Expected ${isLstm ? `hx[${i}]` : 'hidden'} to be 1D or 2D, got ${s.ndim}D instead`)
    })
    if (!cell) throw new RuntimeError(`Unknown nonlinearity: ${Reflect.get(this, 'nonlinearity')}`)
    const isBatched = input.ndim === 2
    return composed([input, ...(given ?? []), ...this.parameters()], () => {
      const x = isBatched ? input : input.unsqueeze(0)
      const batch = x.shape[0]
      if (x.shape[1] !== inputSize) throw new RuntimeError(`input has inconsistent input_size: got ${x.shape[1]} expected ${inputSize}`)
      const states = (given ?? new Array<null>(isLstm ? 2 : 1).fill(null)).map((s, i) => {
        const state = s ? (isBatched ? s : s.unsqueeze(0)) : zeros([batch, hiddenSize], { dtype: x.dtype })
        if (state.shape[0] !== batch) throw new RuntimeError(`Input batch size ${batch} doesn't match hidden${i} batch size ${state.shape[0]}`)
        if (state.ndim !== 2 || state.shape[1] !== hiddenSize) {
          throw new RuntimeError(`hidden${i} has inconsistent hidden_size: got ${state.shape.at(-1)}, expected ${hiddenSize}`)
        }
        return state
      })
      for (const t of [x, ...states]) {
        const [a, b] = [t.dtype, this.weightIh.dtype].map((d) => dtypes[d].scalarName)
        if (a !== b) throw new RuntimeError(`mat1 and mat2 must have the same dtype, but got ${a} and ${b}`)
      }
      const [h, c = null] = states
      const parameters = { weight: this.weightHh, shift: this.biasHh, scale: null, cellScale: null, cellShift: null, projection: null }
      const gates = linear(x, this.weightIh, this.biasIh)
      const { state, cell: next } = recurrence(gates, h, c, parameters, { cell, batchSizes: [batch], reverse: false, eps: null })
      const results = next ? [state, next] : [state]
      return isBatched ? results : results.map((t) => t.squeeze(0))
    })
  }

  override extraRepr(): string {
    const parts = [`${this.inputSize}, ${this.hiddenSize}`]
    if (!this.biasIh) parts.push(`bias=${pythonRepr(false)}`)
    return parts.join(', ')
  }
}

export interface RnnCellOptions extends RecurrentCellOptions {
  /** `'tanh'` or `'relu'`. Default `'tanh'`. */
  nonlinearity?: 'tanh' | 'relu'
}

/**
 * h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu. As `torch.nn.RNNCell`. Input [B, inputSize] or [inputSize]; gives h' [B, hiddenSize].
 * @throws RuntimeError and ValueError with PyTorch's texts for wrong shapes; RuntimeError in forward for another nonlinearity
 */
export class RNNCell extends Cell {
  readonly nonlinearity: 'tanh' | 'relu'

  constructor(inputSize: number, hiddenSize: number, ...args: Arguments<[bias: boolean, nonlinearity: 'tanh' | 'relu'], RnnCellOptions>) {
    const { nonlinearity = 'tanh', ...options } = readOptions<RnnCellOptions>('RNNCell', ['bias', 'nonlinearity', 'dtype'], 2, args)
    super('RNNCell', nonlinearity === 'tanh' || nonlinearity === 'relu' ? nonlinearity : null, inputSize, hiddenSize, options)
    this.nonlinearity = nonlinearity
  }

  override forward(input: Tensor, hx?: Tensor | null): Tensor {
    return this.step(input, hx ? [hx] : null)[0]
  }

  override extraRepr(): string {
    return this.nonlinearity === 'tanh' ? super.extraRepr() : `${super.extraRepr()}, nonlinearity=${this.nonlinearity}`
  }
}

/** One step of a `GRU`. As `torch.nn.GRUCell`. Input [B, inputSize] or [inputSize]; gives h' [B, hiddenSize]. */
export class GRUCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, ...args: Arguments<[bias: boolean], RecurrentCellOptions>) {
    super('GRUCell', 'gru', inputSize, hiddenSize, readOptions<RecurrentCellOptions>('GRUCell', ['bias', 'dtype'], 1, args))
  }

  override forward(input: Tensor, hx?: Tensor | null): Tensor {
    return this.step(input, hx ? [hx] : null)[0]
  }
}

/** One step of an `LSTM`. As `torch.nn.LSTMCell`. Input [B, inputSize] or [inputSize]; gives h' and c' [B, hiddenSize]. */
export class LSTMCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, ...args: Arguments<[bias: boolean], RecurrentCellOptions>) {
    super('LSTMCell', 'lstm', inputSize, hiddenSize, readOptions<RecurrentCellOptions>('LSTMCell', ['bias', 'dtype'], 1, args))
  }

  override forward(input: Tensor, hx?: readonly [h: Tensor, c: Tensor] | null): [h: Tensor, c: Tensor] {
    const [h, c] = this.step(input, twoStates('LSTMCell', hx))
    return [h, c]
  }
}
