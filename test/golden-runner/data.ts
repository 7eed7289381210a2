import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { IndexError, NotImplementedError } from '../../src/core/errors.js'
import { emptyTensor, type Tensor } from '../../src/core/tensor.js'
import { dtypeOfFormat } from '../../src/io/safetensors.js'
import { parseSafetensors, type RawTensor } from '../../src/io/safetensors-format.js'

/** One class of tolerances: |got - want| <= rtol |want| + atol max(floor, largest |want|). */
export interface Tolerance {
  rtol: number | null
  atol: number | null
  floor: number
}

export interface Call {
  args: unknown[]
  kwargs: Record<string, unknown>
}

export type StateEntry = [name: string, shape: number[], dtype: string]

/** An entry of a manifest; test/golden/README.md says what each field means. */
export interface GoldenCase {
  name: string
  kind: string
  target?: string
  dtype?: string
  mode?: string
  steps: number
  init?: Call
  call?: Call
  params?: string
  repr?: string
  repr_before?: string
  training?: boolean
  state_dict?: StateEntry[]
  attributes?: Record<string, unknown>
  state_dict_metadata?: Record<string, { version: number }>
  class_after?: string
  keys: string[]
  tolerance: string
  torch_error?: Record<string, number | string>
  grad_none?: string[]
  dd_grad_none?: string[]
  double_backward?: { wrt: string; penalty?: string }
  requires_grad?: { inputs?: string[] | null; params?: string[] | null }
  output_requires_grad?: Record<string, boolean>
  mutates?: string[]
  either?: string[]
  expected_error?: { type: string; message: string } | null
  input_specs?: Record<string, { shape: number[]; dtype: string }>
  note?: string
  expr?: string
  script?: string[]
  strict?: boolean
  given_keys?: string[]
  state_dict_version?: { version: number } | number | null
  result?: { missing_keys: string[]; unexpected_keys: string[] }
  layout?: { how: string; strides?: number[] }
  seed?: number | string
  initial_seed?: number | string
  program?: ({ key: string; expr: string } | string)[]
  fused_repr?: string
  after?: { training: boolean; momentum: number[] }
  parametrization?: { name: string; kwargs: Record<string, unknown> }
  recipe?: string
  optimizer?: { name: string; kwargs: Record<string, unknown> }
  scheduler?: { name: string; kwargs: Record<string, unknown> }
  clip?: { kind: string; value: number; norm_type: string | null }
  param_groups?: ({ params: string[] } & Record<string, unknown>)[]
  param_groups_after?: Record<string, unknown>[]
  optimizer_state_keys?: Record<string, string[]>
  architecture?: string
  rule?: string
  modules?: string
  file?: string
  file_safetensors?: string
  structure?: unknown
  keys_of_state_dict?: StateEntry[]
  definition?: string
  text?: string
  vocabulary?: string[]
  evaluation?: string
  lengths?: number[]
  enforce_sorted?: boolean
  batch_first?: boolean
  batch_sizes?: number[]
  sorted_indices?: number[] | null
}

/** The manifest of a family and its arrays. */
export class Family {
  readonly cases: readonly GoldenCase[]
  readonly tolerances: Readonly<Record<string, Tolerance>>
  private readonly arrays: ReadonlyMap<string, RawTensor>

  constructor(
    readonly folder: string,
    readonly name: string,
  ) {
    const manifest = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))
    this.cases = manifest.cases
    this.tolerances = manifest.tolerances
    this.arrays = parseSafetensors(readFileSync(join(folder, `${name}.safetensors`))).tensors
  }

  has(c: GoldenCase | string, key: string): boolean {
    return this.arrays.has(`${typeof c === 'string' ? c : c.name}/${key}`)
  }

  /** A new tensor with the stored values. */
  array(c: GoldenCase | string, key: string): Tensor {
    const name = `${typeof c === 'string' ? c : c.name}/${key}`
    const raw = this.arrays.get(name)
    if (!raw) throw new IndexError(`the data have no array ${name}`)
    const dtype = dtypeOfFormat.get(raw.dtype)
    if (!dtype) throw new NotImplementedError(`${name} has dtype ${raw.dtype}`)
    const t = emptyTensor(raw.shape, dtype)
    // The bytes are written where the tensor lies: for float16 and bfloat16 there is no other way in.
    const { data } = t
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength).set(raw.bytes)
    return t
  }
}

/** The elements in order, as doubles. */
export const valuesOf = (t: Tensor): Float64Array => Float64Array.from(t.detach().to('float64').toTypedArray() as Float64Array)
