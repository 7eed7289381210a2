import type { Dtype } from '../core/dtype.js'
import { checkOptions, kindOf } from '../core/errors.js'
import { floatFormat } from '../core/float-format.js'
import { emptyTensor, Tensor } from '../core/tensor.js'
import { toTypedArray } from '../ops/item.js'
import { parseSafetensors, type RawTensor, type SafetensorsDtype, SafetensorsError, serializeSafetensors } from './safetensors-format.js'

/** The format's name of each dtype. It also has U16, U32, U64, F8_E4M3 and F8_E5M2, which tensors here can't be. */
const formatNames: Readonly<Record<Dtype, SafetensorsDtype>> = {
  float32: 'F32',
  float64: 'F64',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
}
/** The other way; the format's other dtypes have none. */
export const dtypeOfFormat: ReadonlyMap<SafetensorsDtype, Dtype> = new Map(Object.entries(formatNames).map(([dtype, name]) => [name, dtype as Dtype]))

export interface LoadSafetensorsOptions {
  /** Whether float16 and bfloat16 become float32, which has all of their values. Default false. */
  widen?: boolean
}

/**
 * The tensors of a safetensors file, under their names: what `loadStateDict` takes. `parseSafetensors` also gives the metadata.
 * Nothing is made unless the whole file is right.
 * @throws SafetensorsError that says what is wrong with the file and where, or which tensor has a dtype that tensors here can't have
 */
export function loadSafetensors(file: Uint8Array, options: LoadSafetensorsOptions = {}): Record<string, Tensor> {
  checkOptions('loadSafetensors', options, ['widen'])
  const checked = [...parseSafetensors(file).tensors].map(([name, raw]) => ({ name, raw, dtype: toDtype(name, raw) }))
  return Object.fromEntries(checked.map(({ name, raw, dtype }) => [name, toTensor(raw, dtype, options.widen ?? false)]))
}

function toDtype(name: string, raw: RawTensor): Dtype {
  const dtype = dtypeOfFormat.get(raw.dtype)
  if (dtype === undefined) {
    throw new SafetensorsError(
      `tensor ${JSON.stringify(name)}: there is no tensor of dtype ${raw.dtype} here, only of ${Object.values(formatNames).join(', ')}; parseSafetensors gives its bytes`,
    )
  }
  if (dtype === 'bool') {
    const at = raw.bytes.findIndex((byte) => byte > 1)
    if (at >= 0) throw new SafetensorsError(`tensor ${JSON.stringify(name)}: element ${at} of a BOOL is ${raw.bytes[at]}, expected 0 or 1`)
  }
  return dtype
}

function toTensor({ shape, bytes }: RawTensor, dtype: Dtype, widen: boolean): Tensor {
  if (widen && (dtype === 'float16' || dtype === 'bfloat16')) {
    const t = emptyTensor(shape, 'float32')
    // A copy, as tensors in a file need not lie at even addresses.
    const bits = new Uint16Array(bytes.slice().buffer)
    const { decode } = floatFormat(dtype, 'widen')
    const data = t.data
    for (let i = 0; i < bits.length; i++) data[i] = decode(bits[i])
    return t
  }
  const t = emptyTensor(shape, dtype)
  bytesOf(t.data).set(bytes)
  return t
}

const bytesOf = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/**
 * The bytes of a safetensors file with these tensors: `saveSafetensors(model.stateDict())`. Views are written as they look; tensors that
 * share memory are written each on its own.
 * @param metadata strings to attach; other libraries expect `{ format: 'pt' }` on checkpoints of PyTorch's layout
 * @throws SafetensorsError where a name can't be written, TypeError where a value is no tensor
 */
export function saveSafetensors(tensors: Readonly<Record<string, Tensor>>, metadata: Record<string, string> | null = null): Uint8Array {
  if (tensors === null || typeof tensors !== 'object') throw new TypeError(`saveSafetensors: expected an object of tensors by name, got ${kindOf(tensors)}`)
  const entries = Object.entries(tensors).map(([name, t]): [string, RawTensor] => {
    if (!(t instanceof Tensor)) throw new TypeError(`saveSafetensors: the value of ${JSON.stringify(name)} must be a tensor, got ${kindOf(t)}`)
    return [name, { dtype: formatNames[t.dtype], shape: t.shape, bytes: bytesOf(toTypedArray(t)) }]
  })
  return serializeSafetensors(entries, metadata)
}
