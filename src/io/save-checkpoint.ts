import { kindOf } from '../core/errors.js'
import type { Storage } from '../core/storage.js'
import { Tensor } from '../core/tensor.js'
import { Module } from '../nn/module.js'
import { Parameter } from '../nn/parameter.js'
import { stateDictVersions } from '../nn/state-dict.js'
import { PickleWriter } from './pickle.js'
import { fail, storageClasses } from './torch-format.js'
import { writeZip } from './zip.js'

const FORMAT_VERSION = '3\n'
const MAXIMUM_DEPTH = 200
const wholeNumber = /^(0|[1-9]\d{0,14})$/

/**
 * The bytes of a file that `torch.load` opens, also with `weights_only=True`: as `torch.save`. Tensors that share memory share it in the file, and a
 * view brings the whole storage that it looks at, as in PyTorch: `clone` it to save what it shows.
 *
 * Objects, Maps, arrays, Sets, strings, booleans, null, Uint8Arrays, bigints and numbers become Python's; a number without fraction is an int.
 * Keys of objects that are whole numbers become ints (as in an optimizer's state), except in a state dict.
 * @param value `model.stateDict()`, or an object such as `{ model: model.stateDict(), optimizer: optimizer.stateDict(), epoch: 3 }`
 * @throws CheckpointError for values that Python's data have not, naming the place: functions, undefined, modules, other classes
 */
export function save(value: unknown): Uint8Array {
  const writer = new CheckpointWriter()
  writer.value(value, '', 0)
  const text = (content: string) => new TextEncoder().encode(content)
  return writeZip(
    [
      ['archive/data.pkl', writer.pickle.finish()],
      ['archive/byteorder', text('little')],
      ...writer.storages().map((bytes, i): [string, Uint8Array] => [`archive/data/${i}`, bytes]),
      ['archive/version', text(FORMAT_VERSION)],
    ],
    fail,
  )
}

class CheckpointWriter {
  readonly pickle = new PickleWriter()
  /** Each with its key in the file: 0, 1, ... */
  private readonly keys = new Map<Storage, number>()

  storages(): Uint8Array[] {
    return [...this.keys.keys()].map((storage) => storage.array('uint8') as Uint8Array)
  }

  value(value: unknown, path: string, depth: number): void {
    const { pickle } = this
    const refuse = (what: string) => fail(`save: ${path === '' ? 'the value' : path} is ${what}`)
    if (depth > MAXIMUM_DEPTH) refuse(`nested more than ${MAXIMUM_DEPTH} deep`)
    if (value === null) pickle.none()
    else if (typeof value === 'boolean') pickle.boolean(value)
    else if (typeof value === 'bigint') pickle.int(value)
    else if (typeof value === 'number') Number.isSafeInteger(value) && !Object.is(value, -0) ? pickle.int(value) : pickle.float(value)
    else if (typeof value === 'string') pickle.string(value)
    else if (typeof value !== 'object') refuse(`${value === undefined ? 'undefined' : `a ${kindOf(value)}`}, which can't be saved`)
    else if (!pickle.recall(value)) this.object(value, path, depth, refuse)
  }

  private object(value: object, path: string, depth: number, refuse: (what: string) => never): void {
    const { pickle } = this
    if (value instanceof Tensor) this.tensor(value)
    else if (value instanceof Uint8Array) this.uint8Array(value)
    else if (value instanceof Set) {
      pickle.global('__builtin__', 'set')
      this.list([...value], path, depth)
      pickle.raw(0x85).reduce().remember(value)
    } else if (Array.isArray(value)) this.list(value, path, depth, value)
    else if (value instanceof Map) this.dict(value, [...value], path, depth)
    else if (value instanceof Module) refuse("a module, which can't be saved: save its stateDict()")
    else if (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null) {
      const isState = stateDictVersions in value
      const key = (name: string) => (!isState && wholeNumber.test(name) ? Number(name) : name)
      const entries = Object.entries(value).map(([name, item]): [string | number, unknown] => [key(name), item])
      this.dict(value, entries, path, depth, isState ? (value[stateDictVersions] as Readonly<Record<string, number>>) : undefined)
    } else refuse(`a ${value.constructor?.name ?? 'object without a class'}, which can't be saved`)
  }

  private list(items: readonly unknown[], path: string, depth: number, remembered?: object): void {
    this.pickle.emptyList()
    if (remembered) this.pickle.remember(remembered)
    if (items.length === 0) return
    this.pickle.mark()
    items.forEach((item, i) => {
      this.value(item, `${path}[${i}]`, depth + 1)
    })
    this.pickle.appends()
  }

  /** @param versions of a state dict, which becomes an OrderedDict with them as `_metadata` */
  private dict(
    owner: object,
    entries: readonly (readonly [unknown, unknown])[],
    path: string,
    depth: number,
    versions?: Readonly<Record<string, number>>,
  ): void {
    const { pickle } = this
    if (versions) pickle.global('collections', 'OrderedDict').emptyTuple().reduce()
    else pickle.emptyDict()
    pickle.remember(owner)
    if (entries.length > 0) {
      pickle.mark()
      for (const [key, item] of entries) {
        const at = path === '' ? String(key) : `${path}.${String(key)}`
        this.value(key, `the key ${at}`, depth + 1)
        this.value(item, at, depth + 1)
      }
      pickle.setItems()
    }
    if (!versions) return
    const metadata = new Map(Object.entries(versions).map(([prefix, version]) => [prefix, { version }]))
    this.value({ _metadata: metadata }, path, depth + 1)
    pickle.build()
  }

  /** As Python 2 reads them: text of the characters 0 to 255. */
  private uint8Array(value: Uint8Array): void {
    const text = Array.from(value, (byte) => String.fromCharCode(byte)).join('')
    this.pickle.global('_codecs', 'encode').mark().string(text).string('latin1').tuple().reduce().remember(value)
  }

  private sizes(values: readonly number[]): void {
    this.pickle.mark()
    for (const v of values) this.pickle.int(v)
    this.pickle.tuple()
  }

  private hooks(): void {
    this.pickle.global('collections', 'OrderedDict').emptyTuple().reduce()
  }

  private tensor(t: Tensor): void {
    const { pickle } = this
    const parameter = t instanceof Parameter
    if (parameter) pickle.global('torch._utils', '_rebuild_parameter').mark()
    pickle.global('torch._utils', '_rebuild_tensor_v2').mark()
    this.storage(t)
    pickle.int(t.offset)
    this.sizes(t.shape)
    this.sizes(t.strides)
    pickle.boolean(t.requiresGrad && !parameter)
    this.hooks()
    pickle.tuple().reduce()
    if (parameter) {
      pickle.boolean(t.requiresGrad)
      this.hooks()
      pickle.tuple().reduce()
    }
    pickle.remember(t)
  }

  private storage({ storage, dtype }: Tensor): void {
    const { pickle, keys } = this
    const key = keys.get(storage) ?? keys.size
    keys.set(storage, key)
    pickle.mark().string('storage').global('torch', storageClasses[dtype])
    pickle.string(String(key)).string('cpu').int(storage.array(dtype).length).tuple().persistent()
  }
}
