import { type Dtype, getDefaultDtype, isFloatingPoint } from './dtype.js'
import { checkOptions } from './errors.js'
import { decoderOf } from './float-format.js'
import type { Shape } from './shape.js'
import type { Tensor } from './tensor.js'

/** How tensors are printed, under PyTorch's names and with its defaults. As `torch.set_printoptions`. */
export interface PrintOptions {
  /** Digits behind the point. Default 4. */
  precision?: number
  /** Tensors of more elements than this are summarised. Default 1000. */
  threshold?: number
  /** Elements shown at each end of a summarised dimension. Default 3. */
  edgeitems?: number
  /** Characters in a line. Default 80. */
  linewidth?: number
  /** Scientific notation always or never; null: where the numbers' sizes call for it. Default null. */
  sciMode?: boolean | null
}

const defaults: Required<PrintOptions> = { precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80, sciMode: null }
let current = defaults

/** Changes how tensors are printed; what is not given stays, and without an argument all goes back to the defaults. */
export function setPrintOptions(options?: PrintOptions): void {
  checkOptions('setPrintOptions', options, Object.keys(defaults))
  current = options ? { ...current, ...options } : defaults
}

/** JavaScript rounds a tie away from zero, C and Python to the even digit. `exact` has more digits than `rounded`. */
function evenOnTie(rounded: string, exact: string): string {
  const kept = exact.slice(0, rounded.length)
  const isTie = /^\.?50*$/.test(exact.slice(kept.length))
  return isTie && Number(kept.at(-1)) % 2 === 0 ? kept : rounded
}

/** Python's `{:.{digits}f}`; from 1e21 on toFixed would change to an exponent, but such numbers are whole. */
function fixed(size: number, digits: number): string {
  if (size >= 1e21) return BigInt(size).toString() + (digits > 0 ? `.${'0'.repeat(digits)}` : '')
  return evenOnTie(size.toFixed(digits), size.toFixed(Math.min(100, digits + 60)))
}

/** Python's `{:.{digits}e}`: at least two digits in the exponent. */
function scientific(size: number, digits: number): string {
  const [mantissa, exponent] = size.toExponential(digits).split('e')
  const [exact] = size.toExponential(100).split('e')
  return `${evenOnTie(mantissa, exact)}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`
}

type Format = (size: number) => string

/** How floats are written: one notation and one width for all, by the finite numbers but 0 among those that are shown. */
function floatFormat(values: readonly number[]): { format: Format; width: number } {
  const { precision, sciMode } = current
  const finite = values.filter((v) => Number.isFinite(v) && v !== 0)
  const sizes = finite.map(Math.abs)
  const largest = Math.max(...sizes)
  const smallest = Math.min(...sizes)
  const whole = sizes.every(Number.isInteger)
  const spread = sizes.length > 0 && (largest / smallest > 1000 || largest > 1e8 || (!whole && smallest < 1e-4))
  const plain: Format = whole ? (size) => `${fixed(size, 0)}.` : (size) => fixed(size, precision)
  const exponential: Format = (size) => scientific(size, precision)
  // The width is that of the notation which the numbers call for, also where an option asks for the other.
  const natural = spread ? exponential : plain
  const width = Math.max(1, ...finite.map((v) => signed(v, natural).length))
  return { format: sciMode === null ? natural : sciMode ? exponential : plain, width }
}

function signed(value: number, format: Format): string {
  if (Number.isNaN(value)) return 'nan'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  return sign + (Number.isFinite(value) ? format(Math.abs(value)) : 'inf')
}

type Value = number | bigint

/** Each value as text of one width, where it fits. */
function formatter(dtype: Dtype, values: readonly Value[]): { text: (value: Value) => string; width: number } {
  if (isFloatingPoint(dtype)) {
    const { format, width } = floatFormat(values.map(Number))
    return { text: (v) => signed(Number(v), format).padStart(width), width }
  }
  const plain = dtype === 'bool' ? (v: Value) => (v ? 'True' : 'False') : String
  const width = Math.max(1, ...values.map((v) => plain(v).length))
  return { text: (v) => plain(v).padStart(width), width }
}

/** Positions along a dimension that are shown; -1 stands for those between the ends. */
function shownPositions(size: number, summarize: boolean): number[] {
  const { edgeitems } = current
  const all = Array.from({ length: size }, (_, i) => i)
  return summarize && size > 2 * edgeitems ? [...all.slice(0, edgeitems), -1, ...all.slice(size - edgeitems)] : all
}

/** Reads elements where they lie: printing runs no operation. */
function reader(t: Tensor): (offset: number) => Value {
  const data = t.storage.array(t.dtype)
  if (data instanceof BigInt64Array) return (at) => data[at]
  const decode = decoderOf(t.dtype)
  return (at) => decode(data[at])
}

function shownOffsets(shape: Shape, strides: Shape, offset: number, summarize: boolean): number[] {
  if (shape.length === 0) return [offset]
  return shownPositions(shape[0], summarize)
    .filter((i) => i >= 0)
    .flatMap((i) => shownOffsets(shape.slice(1), strides.slice(1), offset + i * strides[0], summarize))
}

/** The nested brackets, from a text of each element; lines are broken after `indent` characters of brackets. */
function brackets(t: Tensor, summarize: boolean, indent: number, text: (offset: number) => string, width: number): string {
  const nest = (d: number, offset: number): string => {
    const last = d === t.ndim - 1
    const at = indent + d
    const parts = shownPositions(t.shape[d], summarize).map((i) => {
      if (i < 0) return last ? ' ...' : '...'
      const place = offset + i * t.strides[d]
      return last ? text(place) : nest(d + 1, place)
    })
    const newline = `\n${' '.repeat(at + 1)}`
    if (!last) return `[${parts.join(`,${'\n'.repeat(t.ndim - d - 2)}${newline}`)}]`
    const perLine = Math.max(1, Math.floor((current.linewidth - at) / (width + 2)))
    const lines = Array.from({ length: Math.ceil(parts.length / perLine) }, (_, i) => parts.slice(i * perLine, (i + 1) * perLine).join(', '))
    return `[${lines.join(`,${newline}`)}]`
  }
  return t.ndim === 0 ? text(t.offset) : nest(0, t.offset)
}

function contents(t: Tensor, indent: number): string {
  const summarize = t.numel() > current.threshold
  const read = reader(t)
  const { text, width } = formatter(t.dtype, shownOffsets(t.shape, t.strides, t.offset, summarize).map(read))
  return brackets(t, summarize, indent, (offset) => text(read(offset)), width)
}

/**
 * A tensor as PyTorch prints it: `tensor([1., 2.], requires_grad=True)`. The rules (notation, widths, line breaks, what is left out) are
 * those of torch/_tensor_str.py.
 */
export function formatTensor(t: Tensor): string {
  const prefix = 'tensor('
  const suffixes: string[] = []
  const empty = t.numel() === 0
  if (empty && t.ndim !== 1) suffixes.push(`size=(${t.shape.join(', ')})`)
  // Without elements nothing shows that integers are int64.
  const implied: readonly Dtype[] = empty ? [getDefaultDtype()] : [getDefaultDtype(), 'int64', 'bool']
  if (!implied.includes(t.dtype)) suffixes.push(`dtype=torch.${t.dtype}`)
  if (t.gradFn) suffixes.push(`grad_fn=<${t.gradFn.name}>`)
  else if (t.requiresGrad) suffixes.push('requires_grad=True')

  let text = prefix + (empty ? '[]' : contents(t, prefix.length))
  let column = text.length - text.lastIndexOf('\n') + 1
  for (const suffix of suffixes) {
    if (column + suffix.length + 2 > current.linewidth) {
      text += `,\n${' '.repeat(prefix.length)}${suffix}`
      column = prefix.length + suffix.length
    } else {
      text += `, ${suffix}`
      column += suffix.length + 2
    }
  }
  return `${text})`
}
