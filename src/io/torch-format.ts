import { type Dtype, isFloatingPoint } from '../core/dtype.js'
import { ValueError } from '../core/errors.js'
import { contiguousStrides, numelOf } from '../core/shape.js'
import { Dict, type PythonValue, type Surroundings, Tuple } from './unpickle.js'

/** What `torch.save` writes about tensors, and the few names of Python that data refer to. */

/** A file that is no proper PyTorch checkpoint, asks for more than data, or holds what this library has not. */
export class CheckpointError extends ValueError {
  override name = 'CheckpointError'
}

export const fail = (message: string): never => {
  throw new CheckpointError(message)
}

/** The class of a storage, as PyTorch names it. */
export const storageClasses: Readonly<Record<Dtype, string>> = {
  float32: 'FloatStorage',
  float64: 'DoubleStorage',
  float16: 'HalfStorage',
  bfloat16: 'BFloat16Storage',
  int64: 'LongStorage',
  int32: 'IntStorage',
  int16: 'ShortStorage',
  int8: 'CharStorage',
  uint8: 'ByteStorage',
  bool: 'BoolStorage',
}
const dtypeOfStorage = new Map(Object.entries(storageClasses).map(([dtype, name]) => [`torch.${name}`, dtype as Dtype]))

/** A storage as the pickle describes it; its bytes lie elsewhere in the file. */
export class StorageRecord {
  constructor(
    readonly key: string,
    readonly dtype: Dtype,
    readonly numel: number,
  ) {}
}

/** A tensor as the pickle describes it: a window onto a storage. */
export class TensorRecord {
  constructor(
    readonly storage: StorageRecord,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
    readonly requiresGrad: boolean,
    readonly parameter: boolean,
  ) {}
}

const isWhole = (value: PythonValue | undefined): value is number => typeof value === 'number' && Number.isInteger(value) && value >= 0

function sizes(what: string, value: PythonValue | undefined): readonly number[] {
  const items = value instanceof Tuple ? value.items : value
  if (!Array.isArray(items) || !items.every(isWhole)) return fail(`a tensor's ${what} is no tuple of whole numbers`)
  return items
}

function checkRequiresGrad({ dtype }: StorageRecord, requiresGrad: PythonValue | undefined): void {
  if (requiresGrad === true && !isFloatingPoint(dtype)) fail(`a tensor of ${dtype} requires grad`)
}

function rebuildTensor([storage, offset, shape, strides, requiresGrad]: readonly PythonValue[]): TensorRecord {
  if (!(storage instanceof StorageRecord) || !isWhole(offset)) return fail('a tensor has no storage or no place in it')
  const [dims, steps] = [sizes('shape', shape), sizes('stride', strides)]
  if (dims.length !== steps.length) fail(`a tensor of shape [${dims.join(', ')}] has ${steps.length} strides`)
  const count = numelOf(dims)
  if (!Number.isSafeInteger(count)) fail(`a tensor of shape [${dims.join(', ')}] is too large`)
  const last = count === 0 ? offset - 1 : offset + dims.reduce((sum, size, i) => sum + (size - 1) * steps[i], 0)
  if (last >= storage.numel) {
    fail(`a tensor of shape [${dims.join(', ')}], strides [${steps.join(', ')}] and offset ${offset} reaches beyond its storage of ${storage.numel} elements`)
  }
  checkRequiresGrad(storage, requiresGrad)
  // Without elements the strides mean nothing.
  return new TensorRecord(storage, count === 0 ? 0 : offset, dims, count === 0 ? contiguousStrides(dims) : steps, requiresGrad === true, false)
}

function rebuildParameter([data, requiresGrad]: readonly PythonValue[]): TensorRecord {
  if (!(data instanceof TensorRecord)) return fail('a parameter holds no tensor')
  checkRequiresGrad(data.storage, requiresGrad)
  return new TensorRecord(data.storage, data.offset, data.shape, data.strides, requiresGrad === true, true)
}

/** Protocol 2 writes bytes as text of the characters 0 to 255. */
function encode([text, encoding]: readonly PythonValue[]): Uint8Array {
  if (typeof text !== 'string' || encoding !== 'latin1') return fail('bytes are written in a way that is unknown')
  return Uint8Array.from(text, (c) => c.charCodeAt(0))
}

function orderedDict([pairs = []]: readonly PythonValue[]): Dict {
  const dict = new Dict()
  if (!Array.isArray(pairs)) return fail('an OrderedDict is made of what is no list of pairs')
  for (const pair of pairs) {
    const items = pair instanceof Tuple ? pair.items : pair
    if (!Array.isArray(items) || items.length !== 2) return fail('an OrderedDict is made of what is no list of pairs')
    dict.entries.set(items[0], items[1])
  }
  return dict
}

const listOf = ([items = []]: readonly PythonValue[]): PythonValue[] =>
  items instanceof Tuple ? [...items.items] : Array.isArray(items) ? items : fail('a collection is made of what is no list')

/** What data may call. */
const functions: Readonly<Record<string, (args: readonly PythonValue[]) => PythonValue>> = {
  'collections.OrderedDict': orderedDict,
  'torch._utils._rebuild_tensor_v2': rebuildTensor,
  'torch._utils._rebuild_tensor': rebuildTensor,
  'torch._utils._rebuild_parameter': rebuildParameter,
  'torch.Size': (args) => new Tuple(listOf(args)),
  'torch.device': ([type, index]) => (typeof type !== 'string' ? fail('a device has no name') : typeof index === 'number' ? `${type}:${index}` : type),
  'builtins.set': (args) => new Set(listOf(args)),
  '_codecs.encode': encode,
}

/** What it may mention: dtypes and classes of storages. */
const isConstant = (name: string): boolean => /^torch\.((u?int|float|complex)\d+|bfloat16|bool|\w+Storage)$/.test(name)

/** What lies outside of a checkpoint's pickle. */
export const surroundings: Surroundings = {
  fail,
  checkGlobal(name) {
    if (Object.hasOwn(functions, name) || isConstant(name)) return
    if (name === 'torch._utils._rebuild_sparse_tensor' || name === 'torch.serialization._get_layout')
      fail('the file holds a sparse tensor, which there is none of here: save tensor.to_dense()')
    fail(
      `Unsupported global: GLOBAL ${name}. A state dict needs no such class or function: the file holds whole objects, or tries to run code. Nothing of it was run`,
    )
  },
  call: (name, args) => (Object.hasOwn(functions, name) ? functions[name](args) : fail(`${name} is called, which is no function`)),
  persistent(id) {
    const [type, storage, key, , numel, view] = id instanceof Tuple ? id.items : []
    if (type !== 'storage' || typeof key !== 'string' || !isWhole(numel)) return fail('a persistent id names no storage')
    // Files of PyTorch before 0.4 describe views of storages.
    if (view !== undefined && view !== null) return fail('the file holds views of storages, as PyTorch before 0.4 wrote them')
    const name = storage !== null && typeof storage === 'object' && 'name' in storage ? String(storage.name) : ''
    const dtype = dtypeOfStorage.get(name)
    if (dtype === undefined) return fail(`there is no tensor here for a ${name || 'nameless storage'}, only for ${[...dtypeOfStorage.keys()].join(', ')}`)
    return new StorageRecord(key, dtype, numel)
  },
}
