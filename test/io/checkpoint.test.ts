import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { arange, CheckpointError, type Loaded, load, memory, nn, ones, optim, randn, save, type Tensor, tensor } from '../../src/index.js'
import { PickleWriter } from '../../src/io/pickle.js'
import { writeZip } from '../../src/io/zip.js'
import { stateDictVersions } from '../../src/nn/state-dict.js'

const golden = (name: string) => new Uint8Array(readFileSync(new URL(`../golden/checkpoints/${name}`, import.meta.url)))

describe('save and load', () => {
  it('bring a state dict back, with the versions of its entries', () => {
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.BatchNorm1d(4))
    model.forward(randn([5, 3]))
    const state = load(save(model.stateDict()))
    expect(Object.keys(state)).toEqual(Object.keys(model.stateDict()))
    expect({ ...state[stateDictVersions] }).toEqual({ '': 1, '0': 1, '1': 2 })
    const other = new nn.Sequential(new nn.Linear(3, 4), new nn.BatchNorm1d(4))
    other.loadStateDict(state)
    const x = randn([2, 3])
    expect(other.eval().forward(x).toArray()).toEqual(model.eval().forward(x).toArray())
  })

  it("bring an optimizer's state back, which goes on as if nothing had been", () => {
    const make = () => {
      const p = new nn.Parameter(tensor([1, -2]))
      return { p, optimizer: new optim.Adam([p], { lr: 0.1 }) }
    }
    const step = ({ p, optimizer }: ReturnType<typeof make>) => {
      optimizer.zeroGrad()
      p.square().sum().backward()
      optimizer.step()
    }
    const [a, b] = [make(), make()]
    step(a)
    const file = load<{ p: Tensor; optimizer: optim.LoadableStateDict }>(save({ p: a.p, optimizer: a.optimizer.stateDict() }))
    b.optimizer.loadStateDict(file.optimizer)
    b.p.detach().copy_(file.p.detach())
    step(a)
    step(b)
    expect(b.p.toArray()).toEqual(a.p.toArray())
  })

  it('keep shared memory, strides and which tensors are parameters', () => {
    const base = arange(12).reshape([3, 4])
    const p = new nn.Parameter(ones([2]), false)
    const back = load<Record<string, Tensor>>(save({ base, turned: base.t(), row: base.select(0, 1), p, again: p }))
    back.base.select(0, 1).fill_(7)
    expect(back.row.tolist()).toEqual([7, 7, 7, 7])
    expect(back.turned.strides).toEqual([1, 4])
    expect(back.p).toBeInstanceOf(nn.Parameter)
    expect(back.p.requiresGrad).toBe(false)
    expect(back.again).toBe(back.p)
  })

  it('keep every value that Python has, too', () => {
    const cyclic: Record<string, unknown> = { name: 'x' }
    cyclic.self = cyclic
    const value = {
      text: 'é✓',
      numbers: [0, 255, 256, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 53 - 1, 0.1, -0, Number.POSITIVE_INFINITY],
      big: [2n ** 70n, -(2n ** 63n)],
      flags: [true, false, null],
      bytes: new Uint8Array([0, 127, 128, 255]),
      set: new Set([1, 'a']),
      nested: [[[{ '__proto__!': [] }]]],
    }
    expect(load(save(value))).toEqual(value)
    const back = load<{ self: unknown }>(save(cyclic))
    expect(back.self).toBe(back)
    expect(Number.isNaN(load<number>(save(Number.NaN)))).toBe(true)
    // An own key of that name, which an assignment would take for the prototype.
    const proto = load<object>(save(JSON.parse('{ "__proto__": { "polluted": 1 } }')))
    expect(Object.keys(proto)).toEqual(['__proto__'])
    expect(Reflect.get(proto, 'polluted')).toBeUndefined()
  })

  it('take a dict for a Map where keys would collide or are no names', () => {
    expect(
      load(
        save(
          new Map<Loaded, Loaded>([
            [1, 'number'],
            ['1', 'text'],
          ]),
        ),
      ),
    ).toEqual(
      new Map<Loaded, Loaded>([
        [1, 'number'],
        ['1', 'text'],
      ]),
    )
    expect(load(save(new Map([[0.5, 1]])))).toEqual(new Map([[0.5, 1]]))
    expect(load(save(new Map([[3, 1]])))).toEqual({ 3: 1 })
  })

  test.each<[string, unknown]>([
    ['save: a.b[1] is undefined', { a: { b: [1, undefined] } }],
    ["save: f is a function, which can't be saved", { f: () => 1 }],
    ["save: m is a module, which can't be saved: save its stateDict()", { m: new nn.ReLU() }],
    ["save: the value is a Date, which can't be saved", new Date(0)],
  ])('%s', (message, value) => {
    expect(() => save(value)).toThrow(new RegExp(`^${message.replace(/[[\]()]/g, '\\$&')}`))
  })
})

/** A checkpoint whose pickle is written by hand. */
function file(write: (w: PickleWriter) => void, entries: [string, Uint8Array][] = [], name = 'x/data.pkl'): Uint8Array {
  const pickle = new PickleWriter()
  write(pickle)
  return writeZip([[name, pickle.finish()], ...entries], () => {
    throw new RangeError('too large')
  })
}

interface Claim {
  type?: string
  key?: string
  numel?: number
  offset?: number
  shape?: readonly number[]
  strides?: readonly number[]
  requiresGrad?: boolean
}

function claim(
  w: PickleWriter,
  { type = 'FloatStorage', key = '0', numel = 2, offset = 0, shape = [2], strides = [1], requiresGrad = false }: Claim = {},
): void {
  const tuple = (values: readonly number[]) => {
    w.mark()
    for (const v of values) w.int(v)
    w.tuple()
  }
  w.global('torch._utils', '_rebuild_tensor_v2').mark()
  w.mark().string('storage').global('torch', type).string(key).string('cpu').int(numel).tuple().persistent()
  w.int(offset)
  tuple(shape)
  tuple(strides)
  w.boolean(requiresGrad).global('collections', 'OrderedDict').emptyTuple().reduce().tuple().reduce()
}

const data: [string, Uint8Array] = ['x/data/0', new Uint8Array(8)]

/** Refused with this text, and no tensor was made. */
function expectRefusal(bytes: Uint8Array, message: string | RegExp): void {
  const before = memory()
  expect(() => load(bytes)).toThrow(CheckpointError)
  expect(() => load(bytes)).toThrow(message)
  expect(memory()).toMatchObject({ tensors: before.tensors, bytes: before.bytes })
}

describe('load refuses', () => {
  test.each<[string, Claim]>([
    ['storage 0 has 8 bytes, but 1000000000000 elements of float32 take 4000000000000', { numel: 1e12, shape: [1e12] }],
    ['reaches beyond its storage of 2 elements', { shape: [3] }],
    ['reaches beyond its storage of 2 elements', { offset: 1 }],
    ['reaches beyond its storage of 2 elements', { strides: [2] }],
    ['is too large', { shape: [2 ** 30, 2 ** 30], strides: [0, 0] }],
    ["a tensor's stride is no tuple of whole numbers", { strides: [-1] }],
    ['a tensor of shape [2] has 2 strides', { strides: [1, 1] }],
    ['the archive has no entry data/1', { key: '1' }],
    ['there is no tensor here for a torch.ComplexFloatStorage', { type: 'ComplexFloatStorage' }],
    ['a tensor of int64 requires grad', { type: 'LongStorage', requiresGrad: true }],
    ['storage 0 of bools holds other bytes than 0 and 1', { type: 'BoolStorage', numel: 8 }],
  ])('%s', (message, wrong) => {
    expectRefusal(
      file((w) => claim(w, wrong), [wrong.type === 'BoolStorage' ? ['x/data/0', new Uint8Array(8).fill(2)] : data]),
      message,
    )
    // What is right beside it is not made either.
    const both = file(
      (w) => {
        w.emptyList().mark()
        claim(w)
        claim(w, wrong)
        w.appends()
      },
      [data],
    )
    if (wrong.numel === undefined && wrong.type === undefined) expectRefusal(both, message)
  })

  it('storages that are described in two ways', () => {
    const two = file(
      (w) => {
        w.emptyList().mark()
        claim(w)
        claim(w, { type: 'IntStorage' })
        w.appends()
      },
      [data],
    )
    expectRefusal(two, 'storage 0 is described in two ways')
  })

  it('code', () => {
    const call = (module: string, name: string) => file((w) => w.global(module, name).mark().string('true').tuple().reduce())
    expectRefusal(call('os', 'system'), 'Unsupported global: GLOBAL os.system. ')
    expectRefusal(call('__builtin__', 'eval'), 'GLOBAL builtins.eval')
    expectRefusal(call('torch', 'FloatStorage'), 'torch.FloatStorage is called, which is no function')
    expectRefusal(call('torch._utils', 'toString'), 'GLOBAL torch._utils.toString')
    expectRefusal(
      file((w) => w.int(1).mark().tuple().reduce()),
      'something is called that is no known function',
    )
    expectRefusal(golden('whole_module.pt'), 'GLOBAL torch.nn.modules.linear.Linear')
  })

  it('what is no pickle of data', () => {
    const bytes = (...codes: number[]) => file((w) => w.raw(...codes))
    expectRefusal(bytes(0x74), /a mark is missing \(at byte 3 of its pickle\)/)
    expectRefusal(bytes(0x68, 5), 'value 5 is used before it is there')
    expectRefusal(bytes(0x58, 0xff, 0xff, 0xff, 0x7f), '2147483647 bytes expected, but only 1 are left')
    expectRefusal(bytes(0x8d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 'the data are cut off')
    expectRefusal(bytes(0x28, 0x4e), 'values are left over')
    expectRefusal(bytes(), 'a value is missing')
    expectRefusal(bytes(0x69), '0x69 is no operation of data')
    expectRefusal(bytes(0x80, 9), 'pickle protocol 9 is newer')
    expectRefusal(bytes(0x58, 1, 0, 0, 0, 0xff), 'a string is not valid UTF-8')
  })

  it('archives that are not as PyTorch writes them', () => {
    const good = file((w) => claim(w), [data])
    const patch = (at: number, ...values: number[]) => {
      const copy = good.slice()
      copy.set(values, at < 0 ? copy.length + at : at)
      return copy
    }
    const directoryAt = new DataView(good.buffer).getUint32(good.length - 6, true)
    expect(load<Tensor>(good).toArray()).toEqual([0, 0])
    expectRefusal(patch(directoryAt + 10, 8), '"x/data.pkl" is compressed (method 8)')
    expectRefusal(patch(directoryAt + 8, 1), '"x/data.pkl" is encrypted')
    expectRefusal(patch(directoryAt + 24, 0xff), '"x/data.pkl" claims')
    expectRefusal(patch(directoryAt + 42, 64), '"x/data.pkl" is not where')
    expectRefusal(patch(64, 0), '"x/data.pkl" is damaged: its check sum is wrong')
    expectRefusal(patch(-6, 0xff, 0xff, 0xff, 0xff), 'more than 65,534 entries or 4 GiB')
    expectRefusal(patch(-6, 0xff, 0xff, 0xff), "the archive's directory claims")
    expectRefusal(good.subarray(0, good.length - 1), 'the archive has no directory at its end')
    expectRefusal(
      file((w) => w.none(), [], 'data.pkl'),
      'the archive has 0 entries data.pkl',
    )
    expectRefusal(
      file((w) => w.none(), [['x/byteorder', new TextEncoder().encode('big')]]),
      'big-endian',
    )
    expectRefusal(
      file((w) => w.none(), [['x/constants.pkl', new Uint8Array()]]),
      'TorchScript',
    )
    expectRefusal(
      file((w) => w.none(), [data, data]),
      'two entries named "x/data/0"',
    )
    // Both entries of the directory name the first one's bytes.
    const twice = file((w) => claim(w), [['x/dbta.pkl', new Uint8Array(8)]])
    const secondAt = new DataView(twice.buffer).getUint32(twice.length - 6, true) + 46 + 'x/data.pkl'.length
    twice.copyWithin(secondAt, secondAt - 46 - 'x/data.pkl'.length, secondAt)
    expectRefusal(twice, '"x/data.pkl" and "x/data.pkl" share bytes')
  })

  it('what is no checkpoint at all', () => {
    expectRefusal(new Uint8Array(), 'not a PyTorch checkpoint: the file is empty')
    expectRefusal(golden('broken_text.pt'), 'not a PyTorch checkpoint: it begins neither as a zip archive nor as the older format')
    expectRefusal(golden('dtypes.safetensors'), 'use loadSafetensors')
    expectRefusal(golden('sparse_tensor.pt'), 'the file holds a sparse tensor')
    expect(() => load('x.pt' as unknown as Uint8Array)).toThrow('load: expected the bytes of a file as a Uint8Array, got string')
  })
})

describe('damaged files', () => {
  const legacy = golden('legacy_training_checkpoint.pt')
  const zip = golden('training_checkpoint.pt')

  /** Loads, or is refused in our words. */
  const survives = (bytes: Uint8Array) => {
    try {
      load(bytes)
      return true
    } catch (error) {
      expect(error).toBeInstanceOf(CheckpointError)
      return false
    }
  }

  it('that are cut off anywhere are refused', () => {
    fc.assert(fc.property(fc.nat(legacy.length - 1), (length) => !survives(legacy.subarray(0, length))))
    fc.assert(fc.property(fc.nat(zip.length - 1), (length) => !survives(zip.subarray(0, length))))
  })

  it('with other bytes never do anything but load or be refused', () => {
    const change = (bytes: Uint8Array) => (at: number, value: number) => {
      const copy = bytes.slice()
      copy[at] = value
      survives(copy)
    }
    // The pickle of the older format has no check sum: it begins the file.
    fc.assert(fc.property(fc.nat(3000), fc.nat(255), change(legacy)), { numRuns: 1000 })
    fc.assert(fc.property(fc.nat(zip.length - 1), fc.nat(255), change(zip)), { numRuns: 300 })
  })
})
