import { dtypes } from '../core/dtype.js'
import { kindOf } from '../core/errors.js'
import { Storage } from '../core/storage.js'
import { Tensor } from '../core/tensor.js'
import { Parameter } from '../nn/parameter.js'
import { type StateDict, stateDictVersions } from '../nn/state-dict.js'
import { fail, StorageRecord, surroundings, TensorRecord } from './torch-format.js'
import { Dict, Global, type PythonValue, Tuple, unpickle } from './unpickle.js'
import { isZip, readZip } from './zip.js'

/**
 * What a checkpoint may hold: tensors, and the values of Python around them. Tuples and `torch.Size` are arrays, a dtype or device is its name
 * (`float16`, `cpu`), a dict is an object where its keys are strings and whole numbers, else a Map; whole numbers beyond 2^53 are bigints.
 */
export type Loaded = null | boolean | number | bigint | string | Uint8Array | Tensor | Loaded[] | Set<Loaded> | Map<Loaded, Loaded> | { [key: string]: Loaded }

/** A pickle and the bytes of the storages that it speaks of. */
interface Contents {
  readonly value: PythonValue
  bytesOf(storage: StorageRecord): Uint8Array
}

/**
 * Reads what `torch.save` wrote: state dicts, whole training checkpoints, tensors; the zip format and the older one. As
 * `torch.load(weights_only=True)`: the file is data, and nothing in it is run. Tensors that share memory in the file share it here.
 *
 * Everything is checked before the first tensor is made.
 * @param file the file's bytes; `readCheckpoint` takes a path
 * @returns what the file holds; T is what you know it to be, and isn't checked: a state dict unless you say
 * @example model.loadStateDict(load(bytes))
 * @example const { model, epoch } = load<{ model: StateDict; epoch: number }>(bytes)
 * @throws CheckpointError that says what is wrong: no checkpoint, cut off, damaged, sparse or complex tensors, whole modules, code
 */
export function load<T = StateDict>(file: Uint8Array): T {
  if (!(file instanceof Uint8Array)) throw new TypeError(`load: expected the bytes of a file as a Uint8Array, got ${kindOf(file)}`)
  // Node's Buffer is a Uint8Array whose slice() makes no copy.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength)
  const contents = isZip(bytes) ? readZipContents(bytes) : readLegacyContents(bytes)
  const storages = checkStorages(contents)
  return new Converter(storages).convert(contents.value) as T
}

function readZipContents(bytes: Uint8Array): Contents {
  const entries = readZip(bytes, fail)
  const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name))
  if (pickles.length !== 1) fail(`the archive has ${pickles.length} entries data.pkl, expected one: it is no file of torch.save`)
  const prefix = pickles[0].slice(0, -'data.pkl'.length)
  if (entries.has(`${prefix}constants.pkl`)) fail('the file holds a TorchScript program: save model.state_dict()')
  const order = entries.get(`${prefix}byteorder`)
  if (order && new TextDecoder().decode(order.slice()) !== 'little') fail("the file's numbers are big-endian")
  const pickle = entries.get(pickles[0]) ?? fail('data.pkl is missing')
  const { value } = unpickle(pickle, 0, surroundings)
  return {
    value,
    bytesOf({ key }) {
      return entries.get(`${prefix}data/${key}`) ?? fail(`the archive has no entry data/${key}, which a tensor lies in`)
    },
  }
}

/** Written before the pickle of the older format: 0x1950a86a20f9469cfc6c. */
const MAGIC = 119547037146038801333356n
const LEGACY_VERSION = 1001

/** Pickles in a row: a magic number, a version, the writer's system, the object, the keys of its storages; then the storages. */
function readLegacyContents(bytes: Uint8Array): Contents {
  const magic = bytes[0] === 0x80 ? unpickle(bytes, 0, surroundings) : { value: null, end: 0 }
  if (magic.value !== MAGIC) {
    const safetensors = bytes[8] === 0x7b ? ' It looks like a safetensors file: use loadSafetensors.' : ''
    fail(`not a PyTorch checkpoint: ${bytes.length === 0 ? 'the file is empty' : 'it begins neither as a zip archive nor as the older format'}.${safetensors}`)
  }
  const version = unpickle(bytes, magic.end, surroundings)
  if (version.value !== LEGACY_VERSION) fail(`the file has version ${String(version.value)} of the older format, expected ${LEGACY_VERSION}`)
  const system = unpickle(bytes, version.end, surroundings)
  if (system.value instanceof Dict && system.value.entries.get('little_endian') === false) fail("the file's numbers are big-endian")
  const object = unpickle(bytes, system.end, surroundings)
  const keys = unpickle(bytes, object.end, surroundings)
  if (!Array.isArray(keys.value)) return fail('the list of storages is missing')
  const order: readonly PythonValue[] = keys.value
  // Where a storage begins follows from the sizes of those before it, which only the tensors' records tell.
  const places = new Map<string, Uint8Array>()
  const known = storagesIn(object.value)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = keys.end
  for (const key of order) {
    const storage = typeof key === 'string' ? known.get(key) : undefined
    if (!storage || places.has(storage.key)) return fail(`storage ${String(key)} belongs to no tensor, or is there twice`)
    const end = at + 8 + storage.numel * dtypes[storage.dtype].bytes
    if (end > bytes.length) fail(`storage ${storage.key} reaches beyond the end of the file: it is cut off`)
    const count = view.getBigInt64(at, true)
    if (count !== BigInt(storage.numel)) fail(`storage ${storage.key} has ${count} elements, a tensor expects ${storage.numel}`)
    places.set(storage.key, bytes.subarray(at + 8, end))
    at = end
  }
  return { value: object.value, bytesOf: ({ key }) => places.get(key) ?? fail(`the file lacks storage ${key}, which a tensor lies in`) }
}

/** What is inside a value. */
function children(value: PythonValue): readonly PythonValue[] {
  if (value instanceof Tuple) return value.items
  if (Array.isArray(value)) return value
  if (value instanceof Set) return [...value]
  if (value instanceof Dict) return [...value.entries.keys(), ...value.entries.values()]
  return []
}

/** Everything in a value, each object once, however deep. */
function* everything(root: PythonValue): Generator<PythonValue> {
  const seen = new Set<PythonValue>()
  const open = [root]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (value !== null && typeof value === 'object') {
      if (seen.has(value)) continue
      seen.add(value)
    }
    yield value
    for (const child of children(value)) open.push(child)
  }
}

/** The storages that the tensors in a value lie in. */
function storagesIn(root: PythonValue): Map<string, StorageRecord> {
  const found = new Map<string, StorageRecord>()
  for (const value of everything(root)) {
    if (value instanceof StorageRecord) fail('the file holds a storage that belongs to no tensor')
    if (!(value instanceof TensorRecord)) continue
    const { storage } = value
    const known = found.get(storage.key)
    if (known && (known.dtype !== storage.dtype || known.numel !== storage.numel)) fail(`storage ${storage.key} is described in two ways`)
    found.set(storage.key, storage)
  }
  return found
}

/** The bytes of each storage that a tensor lies in. */
function checkStorages({ value, bytesOf }: Contents): Map<string, { record: StorageRecord; bytes: Uint8Array }> {
  const storages = new Map<string, { record: StorageRecord; bytes: Uint8Array }>()
  for (const [key, record] of storagesIn(value)) {
    const bytes = bytesOf(record)
    const needed = record.numel * dtypes[record.dtype].bytes
    if (bytes.length !== needed) fail(`storage ${key} has ${bytes.length} bytes, but ${record.numel} elements of ${record.dtype} take ${needed}`)
    if (record.dtype === 'bool' && bytes.some((byte) => byte > 1)) fail(`storage ${key} of bools holds other bytes than 0 and 1`)
    storages.set(key, { record, bytes })
  }
  return storages
}

const isKey = (key: PythonValue): key is string | number => typeof key === 'string' || (typeof key === 'number' && Number.isInteger(key))

/** Turns values of Python into those of JavaScript. What is one object there is one here. */
class Converter {
  private readonly made = new Map<object, Loaded>()
  private readonly storages = new Map<string, Storage>()
  /** Fills what was made, one after the other, so that depth costs no stack. */
  private readonly pending: (() => void)[] = []

  constructor(private readonly contents: ReadonlyMap<string, { record: StorageRecord; bytes: Uint8Array }>) {}

  convert(root: PythonValue): Loaded {
    const result = this.of(root)
    for (const fill of this.pending) fill()
    return result
  }

  private of(value: PythonValue): Loaded {
    if (value === null || typeof value !== 'object') return value
    const known = this.made.get(value)
    if (known !== undefined) return known
    const result = this.make(value)
    this.made.set(value, result)
    return result
  }

  private make(value: object): Loaded {
    if (value instanceof TensorRecord) return this.tensor(value)
    if (value instanceof Uint8Array) return value
    if (value instanceof Global) return value.name.replace(/^torch\./, '')
    if (value instanceof Set) {
      const set = new Set<Loaded>()
      this.pending.push(() => {
        for (const item of value) set.add(this.of(item))
      })
      return set
    }
    if (value instanceof Dict) return this.dict(value)
    const list: Loaded[] = []
    this.pending.push(() => {
      for (const item of children(value)) list.push(this.of(item))
    })
    return list
  }

  private dict({ entries, attributes }: Dict): Loaded {
    const keys = [...entries.keys()]
    if (!keys.every(isKey) || new Set(keys.map(String)).size < keys.length) {
      const map = new Map<Loaded, Loaded>()
      this.pending.push(() => {
        for (const [key, value] of entries) map.set(this.of(key), this.of(value))
      })
      return map
    }
    const object: Record<string, Loaded> = {}
    const versions = versionsIn(attributes)
    if (versions) Object.defineProperty(object, stateDictVersions, { value: versions, enumerable: false })
    this.pending.push(() => {
      // Not by assignment, which a key '__proto__' would turn into something else.
      for (const [key, value] of entries)
        Object.defineProperty(object, String(key), { value: this.of(value), enumerable: true, writable: true, configurable: true })
    })
    return object
  }

  private tensor({ storage: { key }, shape, strides, offset, requiresGrad, parameter }: TensorRecord): Tensor {
    const content = this.contents.get(key) ?? fail(`storage ${key} is missing`)
    const { dtype, numel } = content.record
    let storage = this.storages.get(key)
    if (!storage) {
      storage = new Storage(content.bytes.length, dtype, [numel])
      const data = storage.array(dtype)
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength).set(content.bytes)
      this.storages.set(key, storage)
    }
    const tensor = new Tensor(storage, dtype, shape, strides, offset)
    if (parameter) return new Parameter(tensor, requiresGrad)
    return requiresGrad ? tensor.requiresGrad_() : tensor
  }
}

/** Versions of the modules' entries, which a state dict carries as an attribute: `{ '1': { version: 2 } }`. */
function versionsIn(attributes: Dict | null): Record<string, number> | null {
  const metadata = attributes?.entries.get('_metadata')
  if (!(metadata instanceof Dict)) return null
  const versions: Record<string, number> = Object.create(null)
  for (const [prefix, entry] of metadata.entries) {
    const version = entry instanceof Dict ? entry.entries.get('version') : null
    if (typeof prefix === 'string' && typeof version === 'number') versions[prefix] = version
  }
  return versions
}
