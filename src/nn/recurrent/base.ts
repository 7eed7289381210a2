import { type Dtype, dtypes } from '../../core/dtype.js'
import { kindOf, RuntimeError, ValueError } from '../../core/errors.js'
import { formatShape, type Shape, sameShape } from '../../core/shape.js'
import { checkTensor, type Tensor } from '../../core/tensor.js'
import type { RecurrentCell } from '../../kernels/contract.js'
import { gatesOf } from '../../kernels/recurrent-layout.js'
import { composed } from '../../ops/composed.js'
import { empty, zeros } from '../../ops/create.js'
import { dropout } from '../../ops/dropout.js'
import { cat, stack } from '../../ops/join.js'
import type { Recurrence } from '../../ops/recurrent/composed.js'
import { requireArguments } from '../arguments.js'
import { uniform_ } from '../init.js'
import { Module } from '../module.js'
import { pythonFloat, pythonRepr } from '../names.js'
import { Parameter } from '../parameter.js'
import { batchSizesOf, isPacked, type PackedSequence } from '../utils/packed.js'

export interface RecurrentOptions {
  /** Layers on top of each other. Default 1. */
  numLayers?: number
  /** Learn biases. Default true. */
  bias?: boolean
  /** Input and output are [B, T, ...] rather than [T, B, ...]; states stay [layers, B, ...]. Default false. */
  batchFirst?: boolean
  /** The probability of a zero in the outputs of all layers but the last, in training. Default 0. */
  dropout?: number
  /** A second set of layers runs from the end to the beginning; outputs lie side by side. Default false. */
  bidirectional?: boolean
  /** Of the parameters. Default float32. */
  dtype?: Dtype
}

export const recurrentOptions = ['numLayers', 'bias', 'batchFirst', 'dropout', 'bidirectional', 'dtype'] as const

export type BaseOptions = RecurrentOptions & { projSize?: number }

/** Rows of a direction of a layer, and how they belong to steps. */
export interface Order {
  readonly batchSizes: readonly number[]
  readonly reverse: boolean
}

/** What the sequences go through: an input without padding, or one with. */
export type RecurrentInput = Tensor | PackedSequence

/**
 * What all recurrent layers share: layers and directions, packed, batched and single sequences, states, dropout, and checks. A layer says which
 * parameters a direction has (`addDirection`) and what it computes (`runDirection`).
 */
export abstract class Recurrent<Options extends BaseOptions = BaseOptions> extends Module {
  readonly numLayers: number
  readonly bias: boolean
  readonly batchFirst: boolean
  readonly dropout: number
  readonly bidirectional: boolean
  readonly projSize: number

  protected constructor(
    /** PyTorch's name of the layer, for its texts. */
    private readonly layer: string,
    protected readonly cell: RecurrentCell,
    readonly inputSize: number,
    readonly hiddenSize: number,
    options: Options,
  ) {
    super()
    requireArguments(layer, { input_size: inputSize, hidden_size: hiddenSize })
    const { numLayers = 1, bias = true, batchFirst = false, dropout: p = 0, bidirectional = false, projSize = 0 } = options
    if (typeof p !== 'number' || !(p >= 0 && p <= 1)) {
      throw new ValueError('dropout should be a number in range [0, 1] representing the probability of an element being zeroed')
    }
    for (const [name, value] of Object.entries({ hidden_size: hiddenSize, input_size: inputSize, num_layers: numLayers, proj_size: projSize })) {
      if (!Number.isInteger(value)) throw new TypeError(`${name} should be of type int, got: ${typeof value === 'number' ? 'float' : kindOf(value)}`)
    }
    if (hiddenSize <= 0) throw new ValueError('hidden_size must be greater than zero')
    if (numLayers <= 0) throw new ValueError('num_layers must be greater than zero')
    if (projSize < 0) throw new ValueError('proj_size should be a positive integer or zero to disable projections')
    if (projSize >= hiddenSize) throw new ValueError('proj_size has to be smaller than hidden_size')
    if (inputSize < 0) throw new RuntimeError(`Trying to create tensor with negative dimension ${inputSize}: [${gatesOf[cell] * hiddenSize}, ${inputSize}]`)
    if (p > 0 && numLayers === 1) {
      console.warn(
        `evenkeel: dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers greater than 1, but got dropout=${p} and num_layers=${numLayers}`,
      )
    }
    this.numLayers = numLayers
    this.bias = bias
    this.batchFirst = batchFirst
    this.dropout = p
    this.bidirectional = bidirectional
    this.projSize = projSize
    for (let i = 0; i < numLayers; i++) {
      for (const suffix of this.suffixes(i)) this.addDirection(suffix, i === 0 ? inputSize : this.outputSize * this.directions, options)
    }
    this.resetParameters()
  }

  /** Makes the parameters of a direction of a layer; their names end with `suffix`, `L0` or `L0Reverse`. */
  protected abstract addDirection(suffix: string, inputSize: number, options: Options): void
  /** Runs a direction of a layer: x [N, its input size], h [B, output size], c [B, hiddenSize] of an LSTM. */
  protected abstract runDirection(suffix: string, x: Tensor, h: Tensor, c: Tensor | null, order: Order): Recurrence

  private get directions(): number {
    return this.bidirectional ? 2 : 1
  }

  /** Features that a direction gives out. */
  protected get outputSize(): number {
    return this.projSize || this.hiddenSize
  }

  private suffixes(layer: number): string[] {
    return this.bidirectional ? [`L${layer}`, `L${layer}Reverse`] : [`L${layer}`]
  }

  /** The member that a direction has under a name, or null. */
  protected member<T>(name: string): T | null {
    return (Reflect.get(this, name) as T | undefined) ?? null
  }

  protected addParameter(name: string, shape: Shape, dtype: Dtype | undefined): void {
    Reflect.set(this, name, new Parameter(empty(shape, { dtype })))
  }

  /** Draws new initial values, uniform in (-k, k), k = 1 / sqrt(hiddenSize). */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize)
    for (const [, p] of this.ownState()) if (p instanceof Parameter) uniform_(p, { a: -bound, b: bound })
  }

  /** Runs all layers. `initial` has one state, or two for an LSTM; so has the result. */
  protected run(input: RecurrentInput, initial: readonly Tensor[] | null): { output: RecurrentInput; states: Tensor[] } {
    const packed = isPacked(input) ? input : null
    if (!packed) checkTensor(`${this.layer}.forward`, 'input', input)
    const x = packed ? packed.data : (input as Tensor)
    const isBatched = packed !== null || x.ndim === 3
    if (!packed && x.ndim !== 2 && x.ndim !== 3) {
      throw new ValueError(`${this.layer}: Expected input to be 2D or 3D, got ${x.ndim}D ${this.layer === 'RNN' ? 'tensor ' : ''}instead`)
    }
    const states = initial && this.batchedStates(initial, isBatched)
    this.checkInput(x, packed ? 2 : isBatched ? 3 : 2)
    return composed([x, ...(states ?? []), ...this.parameters()], () => {
      const batched = isBatched ? x : x.unsqueeze(this.batchFirst ? 0 : 1)
      const steps = packed || !this.batchFirst ? batched : batched.transpose(0, 1)
      if (!packed && steps.shape[0] === 0) throw new RuntimeError('Expected sequence length to be larger than 0 in RNN')
      const batchSizes = packed ? batchSizesOf(packed) : new Array<number>(steps.shape[0]).fill(steps.shape[1])
      const begin = this.initialStates(states, batchSizes[0], packed?.sortedIndices ?? null, x.dtype)
      const { rows, ends } = this.runLayers(packed ? x : steps.reshape([steps.shape[0] * steps.shape[1], this.inputSize]), begin, batchSizes)
      if (packed) {
        const { unsortedIndices } = packed
        return { output: { ...packed, data: rows }, states: unsortedIndices ? ends.map((s) => s.indexSelect(1, unsortedIndices)) : ends }
      }
      const output = rows.reshape([steps.shape[0], steps.shape[1], rows.shape[1]])
      const ordered = this.batchFirst ? output.transpose(0, 1) : output
      return isBatched ? { output: ordered, states: ends } : { output: ordered.squeeze(this.batchFirst ? 0 : 1), states: ends.map((s) => s.squeeze(1)) }
    })
  }

  private checkInput(x: Tensor, dims: number): void {
    const { dtype } = this.parameters()[0]
    if (x.dtype !== dtype) throw new ValueError(`input must have the type torch.${dtype}, got type torch.${x.dtype}`)
    if (x.ndim !== dims) throw new RuntimeError(`input must have ${dims} dimensions, got ${x.ndim}`)
    if (x.shape[dims - 1] !== this.inputSize) {
      throw new RuntimeError(`input.size(-1) must be equal to input_size. Expected ${this.inputSize}, got ${x.shape[dims - 1]}`)
    }
  }

  /** States as [layers, B, ...]. */
  private batchedStates(states: readonly Tensor[], isBatched: boolean): readonly Tensor[] {
    for (const s of states) checkTensor(`${this.layer}.forward`, 'hx', s)
    const expected = isBatched ? 3 : 2
    if (states.some((s) => s.ndim !== expected)) {
      const which = isBatched ? 'For batched 3-D input' : 'For unbatched 2-D input'
      throw new RuntimeError(
        states.length === 2
          ? `${which}, hx and cx should also be ${expected}-D but got (${states.map((s) => `${s.ndim}-D`).join(', ')}) tensors`
          : `${which}, hx should also be ${expected}-D but got ${states[0].ndim}-D tensor`,
      )
    }
    return isBatched ? states : states.map((s) => s.unsqueeze(1))
  }

  private initialStates(given: readonly Tensor[] | null, batch: number, sorted: Tensor | null, dtype: Dtype): readonly Tensor[] {
    const sizes = this.cell === 'lstm' ? [this.outputSize, this.hiddenSize] : [this.outputSize]
    return sizes.map((size, i) => {
      const shape = [this.numLayers * this.directions, batch, size]
      if (!given) return zeros(shape, { dtype })
      const s = given[i]
      if (!sameShape(s.shape, shape)) {
        throw new RuntimeError(`Expected hidden${sizes.length > 1 ? `[${i}]` : ''} size (${shape.join(', ')}), got ${formatShape(s.shape)}`)
      }
      if (s.dtype !== dtype) {
        const [a, b] = [s.dtype, dtype].map((d) => dtypes[d].scalarName)
        throw new RuntimeError(`mat1 and mat2 must have the same dtype, but got ${a} and ${b}`)
      }
      return sorted ? s.indexSelect(1, sorted) : s
    })
  }

  private runLayers(input: Tensor, states: readonly Tensor[], batchSizes: readonly number[]): { rows: Tensor; ends: Tensor[] } {
    let rows = input
    const ends: Tensor[][] = states.map(() => [])
    for (let layer = 0; layer < this.numLayers; layer++) {
      const outputs = this.suffixes(layer).map((suffix, d) => {
        const [h, c = null] = states.map((s) => s.select(0, layer * this.directions + d))
        const { output, state, cell } = this.runDirection(suffix, rows, h, c, { batchSizes, reverse: d === 1 })
        ends[0].push(state)
        if (cell) ends[1].push(cell)
        return output
      })
      rows = outputs.length === 1 ? outputs[0] : cat(outputs, -1)
      if (layer < this.numLayers - 1) rows = dropout(rows, { p: this.dropout, training: this.training })
    }
    return { rows, ends: ends.map((list) => stack(list)) }
  }

  override extraRepr(): string {
    const { inputSize, hiddenSize, projSize, numLayers, bias, batchFirst, dropout: p, bidirectional } = this
    const parts = [`${inputSize}, ${hiddenSize}`]
    if (projSize !== 0) parts.push(`proj_size=${projSize}`)
    if (numLayers !== 1) parts.push(`num_layers=${numLayers}`)
    if (!bias) parts.push(`bias=${pythonRepr(bias)}`)
    if (batchFirst) parts.push(`batch_first=${pythonRepr(batchFirst)}`)
    if (p !== 0) parts.push(`dropout=${pythonFloat(p)}`)
    if (bidirectional) parts.push(`bidirectional=${pythonRepr(bidirectional)}`)
    return parts.join(', ')
  }
}
