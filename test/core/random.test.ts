import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Dtype, dtypes, type TypedArray } from '../../src/core/dtype.js'
import { RuntimeError } from '../../src/core/errors.js'
import { floatFormat } from '../../src/core/float-format.js'
import { defaultGenerator, Generator, manualSeed } from '../../src/core/random.js'
import {
  type FillTarget,
  fillBernoulli,
  fillBernoulliFrom,
  fillCauchy,
  fillExponential,
  fillGeometric,
  fillLogNormal,
  fillNormal,
  fillTruncNormal,
  fillUniform,
} from '../../src/core/random-fill.js'
import { fillRandint, fillRandom, fillRandperm } from '../../src/core/random-integer.js'
import { multinomial } from '../../src/core/random-multinomial.js'
import { parseSafetensors } from '../../src/io/safetensors-format.js'

interface GoldenCase {
  name: string
  kind: string
  seed: number
  tolerance: string
  program: { key: string; expr: string }[]
}
const folder = new URL('../golden/', import.meta.url)
// Seeds beyond 2^53 are exact in the file only as text.
const manifest = JSON.parse(readFileSync(new URL('random.json', folder), 'utf8').replace(/"seed":\s*(-?\d{16,})/g, '"seed": "$1"'))
const { tensors } = parseSafetensors(readFileSync(new URL('random.safetensors', folder)))

function make(dtype: Dtype, n: number, contiguous = true): FillTarget {
  return { data: new dtypes[dtype].array(n), dtype, contiguous }
}

const decoded = ({ data, dtype }: FillTarget): number[] | bigint[] => {
  if (data instanceof BigInt64Array) return Array.from(data)
  const decode = dtype === 'float16' || dtype === 'bfloat16' ? floatFormat(dtype, 'test').decode : (v: number) => v
  return Array.from(data, decode)
}

const formatNames: Record<string, Dtype> = {
  F32: 'float32',
  F64: 'float64',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U8: 'uint8',
  BOOL: 'bool',
}

function stored(key: string): FillTarget {
  const raw = tensors.get(key)
  if (!raw) throw new Error(`the golden file has no ${key}`)
  const dtype = formatNames[raw.dtype]
  const bytes = raw.bytes.slice()
  return { data: new dtypes[dtype].array(bytes.buffer, 0, bytes.length / dtypes[dtype].bytes), dtype }
}

/** The numbers of a Python argument list such as `0, 2**40`, `1e-3, 1e3` or `(4, 5)`. */
function whole(text: string): bigint {
  const [, sign, base, exponent, rest] = /^(-?)(\d+)(?:\*\*(\d+))?(?: ([+-] \d+))?$/.exec(text)!
  return BigInt(`${sign}1`) * BigInt(base) ** BigInt(exponent ?? 1) + BigInt((rest ?? '0').replace(' ', ''))
}
const numbers = (text: string): number[] => [...text.matchAll(/-?[\d.]+(?:e-?\d+)?/g)].map((m) => Number(m[0]))
const size = (text: string): number => numbers(text).reduce((a, b) => a * b, 1)
const dtypeOf = (options: string | undefined, fallback: Dtype): Dtype => (options?.match(/dtype=torch\.(\w+)/)?.[1] as Dtype | undefined) ?? fallback

/** One recipe of the golden programs: a pattern of the expression and what it makes with a generator. */
type Recipe = [RegExp, (m: RegExpExecArray, g: Generator) => FillTarget]
const filled = (target: FillTarget, fill: (target: FillTarget) => void): FillTarget => {
  fill(target)
  return target
}
/** The order of a transposed matrix, as PyTorch draws along the memory of a tensor that is not contiguous. */
function transposed({ data, dtype }: FillTarget, rows: number, columns: number): FillTarget {
  const t = make(dtype, data.length)
  for (let i = 0; i < data.length; i++) t.data[i] = data[(i % rows) * columns + Math.floor(i / rows)]
  return t
}
const shifted = (t: FillTarget, mean: (i: number) => number, std: number): FillTarget => ({
  ...t,
  data: (t.data as Float32Array).map((v, i) => v * std + mean(i)),
})
const linspace = (dtype: Dtype): FillTarget => {
  const t = make(dtype, 21)
  for (let i = 0; i < 21; i++) t.data[i] = i / 20
  return t
}

const methods: Record<string, (t: FillTarget, g: Generator, ...args: number[]) => void> = {
  uniform_: fillUniform,
  normal_: fillNormal,
  bernoulli_: fillBernoulli,
  exponential_: fillExponential,
  log_normal_: fillLogNormal,
  cauchy_: fillCauchy,
  geometric_: fillGeometric,
  random_: fillRandom,
}
const recipes: Recipe[] = [
  [
    /^torch\.rand\((?<size>[^a-z]*)(?<options>, dtype.*)?\)$/,
    ({ groups: o }, g) => filled(make(dtypeOf(o!.options, 'float32'), size(o!.size)), (t) => fillUniform(t, g)),
  ],
  [
    /^torch\.randn\((?<size>[^a-z]*)(?<options>, dtype.*)?\)$/,
    ({ groups: o }, g) => filled(make(dtypeOf(o!.options, 'float32'), size(o!.size)), (t) => fillNormal(t, g)),
  ],
  [/^\(torch\.manual_seed\((\d+)\), torch\.randn\(1\)\)\[1\]$/, ([, seed], g) => filled(make('float32', 1), (t) => fillNormal(t, g.manualSeed(Number(seed))))],
  [/^torch\.rand\(3, generator=torch\.Generator\(\)\)$/, () => filled(make('float32', 3), (t) => fillUniform(t, new Generator()))],
  [
    /^torch\.randn\(5, generator=torch\.Generator\(\)\.manual_seed\(9\)\)$/,
    () => filled(make('float32', 5), (t) => fillNormal(t, new Generator().manualSeed(9))),
  ],
  [/^torch\.rand_like\(torch\.zeros\((.*)\)\)$/, ([, s], g) => filled(make('float32', size(s)), (t) => fillUniform(t, g))],
  [/^torch\.randn_like\(torch\.zeros\((.*)\)\)$/, ([, s], g) => filled(make('float32', size(s)), (t) => fillNormal(t, g))],
  [/^torch\.randint_like\(torch\.zeros\(6\), 0, 9\)$/, (_, g) => filled(make('float32', 6), (t) => fillRandint(t, g, 0, 9))],
  [
    /^torch\.randint\((?:(?<from>[^(]*), )?(?<to>[^(,]*), \((?<size>[^)]*)\)(?<options>.*)\)$/,
    ({ groups: o }, g) => filled(make(dtypeOf(o!.options, 'int64'), size(o!.size)), (t) => fillRandint(t, g, whole(o!.from ?? '0'), whole(o!.to))),
  ],
  [/^torch\.randperm\((\d+)(.*)\)$/, ([, n, options], g) => filled(make(dtypeOf(options, 'int64'), Number(n)), (t) => fillRandperm(t, g))],
  [
    /^torch\.empty\(4, 5\)\.t\(\)\.uniform_\(0, 1\)$/,
    (_, g) =>
      transposed(
        filled(make('float32', 20, false), (t) => fillUniform(t, g)),
        4,
        5,
      ),
  ],
  [
    /^torch\.empty\(5, 7\)\.t\(\)\.normal_\(\)$/,
    (_, g) =>
      transposed(
        filled(make('float32', 35, false), (t) => fillNormal(t, g)),
        5,
        7,
      ),
  ],
  [/^torch\.empty\(4, 6\)\[:, ::2\]\.uniform_\(0, 1\)$/, (_, g) => filled(make('float32', 12, false), (t) => fillUniform(t, g))],
  [/^torch\.empty\(6, 8\)\[:, ::2\]\.normal_\(\)$/, (_, g) => filled(make('float32', 24, false), (t) => fillNormal(t, g))],
  [/^torch\.normal\(2\.0, 3\.0, \(4,\)\)$/, (_, g) => filled(make('float32', 4), (t) => fillNormal(t, g, 2, 3))],
  [
    /^torch\.normal\(torch\.zeros\(20\), torch\.ones\(20\) \* 2\)$/,
    (_, g) =>
      shifted(
        filled(make('float32', 20), (t) => fillNormal(t, g)),
        () => 0,
        2,
      ),
  ],
  [
    /^torch\.normal\(torch\.arange\(5\.\), 0\.5\)$/,
    (_, g) =>
      shifted(
        filled(make('float32', 5), (t) => fillNormal(t, g)),
        (i) => i,
        0.5,
      ),
  ],
  [
    /^torch\.bernoulli\(torch\.linspace\(0, 1, 21(.*)\)\)$/,
    ([, options], g) => filled(make(dtypeOf(options, 'float32'), 21), (t) => fillBernoulliFrom(t, g, linspace(t.dtype))),
  ],
  [
    /^torch\.empty\(10\)\.bernoulli_\(torch\.full\(\(10,\), 0\.7\)\)$/,
    (_, g) => filled(make('float32', 10), (t) => fillBernoulliFrom(t, g, { data: new Float32Array(10).fill(0.7), dtype: 'float32' })),
  ],
  [
    /^torch\.multinomial\(torch\.tensor\((.*)\), (\d+)(, replacement=True)?\)$/,
    ([, weights, n, replacement], g) => {
      const data = new Float32Array(numbers(weights))
      const drawn = multinomial({ data, dtype: 'float32' }, data.length, Number(n), replacement !== undefined, g)
      return { data: BigInt64Array.from(drawn, BigInt), dtype: 'int64' }
    },
  ],
  [/^init\.trunc_normal_\(torch\.empty\(30\), std=0\.02\)$/, (_, g) => filled(make('float32', 30), (t) => fillTruncNormal(t, g, 0, 0.02))],
  [
    /^init\.trunc_normal_\(torch\.empty\(4, 5\), mean=0\.5, std=1\.0, a=-1\.0, b=1\.0\)$/,
    (_, g) => filled(make('float32', 20), (t) => fillTruncNormal(t, g, 0.5, 1, -1, 1)),
  ],
  [
    /^torch\.empty\((?<size>[^a-z]*)(?<options>, dtype.*?)?\)\.(?<method>\w+_)\((?<args>[^a-z]*|-?[\de., -]*)\)$/,
    ({ groups: o }, g) => filled(make(dtypeOf(o!.options, 'float32'), size(o!.size)), (t) => methods[o!.method](t, g, ...numbers(o!.args))),
  ],
]

/** Elements that fail |got - want| <= rtol·|want| + atol·max(floor, largest |want|), the rule of the golden data. */
function wrong(got: FillTarget, want: FillTarget, tolerance: { rtol: number; atol: number; floor: number }): string[] {
  const a = decoded(got).map(Number)
  const b = decoded(want).map(Number)
  if (got.dtype !== want.dtype || a.length !== b.length) return [`${got.dtype}[${a.length}] for ${want.dtype}[${b.length}]`]
  if (want.dtype === 'int64') return [...want.data].flatMap((v, i) => (got.data[i] === v ? [] : [`${i}: ${got.data[i]} for ${v}`]))
  const largest = Math.max(tolerance.floor, ...b.map(Math.abs).filter(Number.isFinite))
  return a.flatMap((v, i) =>
    Object.is(v, b[i]) || Math.abs(v - b[i]) <= tolerance.rtol * Math.abs(b[i]) + tolerance.atol * largest ? [] : [`${i}: ${v} for ${b[i]}`],
  )
}

/** Programs that also build modules or call dropout and initialisers belong to those parts' tests. */
const ownCases: GoldenCase[] = manifest.cases.filter((c: GoldenCase) => c.kind === 'random' && c.program.every(({ expr }) => /^\(?torch\.(?!nn)/.test(expr)))

describe('golden programs of random numbers', () => {
  it('covers every program that is made of tensors alone', () => {
    expect(ownCases.length).toBe(249)
  })
  for (const { name, seed, program, tolerance } of ownCases) {
    it(name, () => {
      const g = new Generator().manualSeed(BigInt(seed))
      for (const { key, expr } of program) {
        const recipe = recipes.find(([pattern]) => pattern.test(expr))
        if (!recipe) throw new Error(`no recipe for ${expr}`)
        const got = recipe[1](recipe[0].exec(expr)!, g)
        expect(wrong(got, stored(`${name}/${key}`), manifest.tolerances[tolerance]), expr).toEqual([])
      }
    })
  }

  it('draws the truncated normals of the init programs', () => {
    for (const { name, seed, program } of manifest.cases.filter((c: GoldenCase) => c.name.startsWith('init_'))) {
      // The four before them: kaiming_uniform (20), kaiming_uniform_relu (48), kaiming_normal_out (72), kaiming_normal_small (9), xavier_uniform (15), xavier_normal (20)
      const g = new Generator().manualSeed(seed)
      fillUniform(make('float32', 20), g)
      fillUniform(make('float32', 48), g)
      fillNormal(make('float32', 72), g)
      fillNormal(make('float32', 9), g)
      fillUniform(make('float32', 15), g)
      fillNormal(make('float32', 20), g)
      for (const key of ['trunc_normal', 'trunc_normal_wide']) {
        const expr = program.find((p: { key: string }) => p.key === key).expr
        const recipe = recipes.find(([pattern]) => pattern.test(expr))!
        expect(wrong(recipe[1](recipe[0].exec(expr)!, g), stored(`${name}/${key}`), manifest.tolerances.ulp), expr).toEqual([])
      }
    }
  })

  it('equals float32 randn of 16 and more bit for bit', () => {
    const blocks = ownCases.filter(({ name }) => /^randn_s\d+_n(1[6-9]|[2-9]\d|\d{3,})_float32$/.test(name))
    expect(blocks.length).toBeGreaterThan(20)
    for (const { name, seed } of blocks) {
      const want = stored(`${name}/value`)
      const t = make('float32', want.data.length)
      fillNormal(t, new Generator().manualSeed(seed))
      expect(wrong(t, want, manifest.tolerances.exact), name).toEqual([])
    }
  })
})

describe('long sequences, against the hashes of PyTorch', () => {
  const hashes: Record<string, string> = JSON.parse(readFileSync(new URL('random-sequences.json', import.meta.url), 'utf8'))
  const draws: Record<string, (t: FillTarget, g: Generator) => void> = {
    uniform: (t, g) => fillUniform(t, g, -0.1, 0.23),
    'uniform uneven': (t, g) => fillUniform(t, g, 1e-9, 0.77),
    normal: (t, g) => fillNormal(t, g, 1.5, 0.3),
    bernoulli: (t, g) => fillBernoulli(t, g, 0.3),
    geometric: (t, g) => fillGeometric(t, g, 0.2),
    random: fillRandom,
    randint: (t, g) => fillRandint(t, g, -100, 101),
    from: (t, g) => fillRandint(t, g, t.dtype === 'uint8' ? 250 : 5, null),
    far: (t, g) => fillRandint(t, g, 2n ** 62n, 2n ** 62n + 1000n),
    wide: (t, g) => (t.dtype === 'int32' ? fillRandint(t, g, -(2 ** 31), 2 ** 31 - 1) : fillRandint(t, g, 0, 2 ** 40)),
    edge: (t, g) => (t.dtype === 'float16' ? fillRandint(t, g, 0, 65504) : fillRandint(t, g, -(2 ** 25), 2 ** 25)),
    randperm: fillRandperm,
  }
  const weights = (dtype: Dtype): FillTarget => {
    const t = make(dtype, 30)
    for (let i = 0; i < 30; i++) t.data[i] = floatFormat(dtype, 'test').encode(i + 1)
    return t
  }
  const samples: Record<string, [number, boolean]> = { 'multinomial with': [1000, true], 'multinomial without': [7, false], 'multinomial one': [1, true] }

  it('has 63 of them', () => {
    expect(Object.keys(hashes).length).toBe(63)
  })
  for (const [name, hash] of Object.entries(hashes)) {
    it(name, () => {
      const at = name.lastIndexOf(' ')
      const dtype = name.slice(at + 1) as Dtype
      const what = name.slice(0, at)
      const g = new Generator().manualSeed(7)
      let data: TypedArray
      if (what in samples) data = BigInt64Array.from(multinomial(weights(dtype), 10, ...samples[what], g), BigInt)
      else ({ data } = filled(make(dtype, 100003), (t) => draws[what](t, g)))
      expect(createHash('sha256').update(new Uint8Array(data.buffer)).digest('hex').slice(0, 16)).toBe(hash)
    })
  }
})

describe('distributions that end in a mathematical function', () => {
  const close = (fill: (t: FillTarget, g: Generator) => void, dtype: Dtype, want: number[], digits: number) => {
    const t = filled(make(dtype, want.length), (target) => fill(target, new Generator().manualSeed(7)))
    for (const [i, v] of decoded(t).entries()) expect(Number(v) / want[i], `element ${i}`).toBeCloseTo(1, digits)
  }
  // From PyTorch 2.6 after manual_seed(7).
  it('exponential, cauchy and log-normal in float64', () => {
    close((t, g) => fillExponential(t, g, 0.5), 'float64', [0.655287845966158, 0.6395669422043568, 3.9623509085579043, 2.138233756997045], 14)
    close((t, g) => fillCauchy(t, g, 1, 2), 'float64', [-0.6611115499249394, -0.7224061115390794, 5.323784455837047, 2.0725666595542256], 13)
    close((t, g) => fillLogNormal(t, g), 'float64', [2.0267019263526733, 13.095682522473664, 18.058982709196727, 0.2926763047756692], 14)
  })
  it('truncated normals of every floating point type', () => {
    close((t, g) => fillTruncNormal(t, g, 0, 1, -0.5, 3), 'float64', [0.0033626063779387096, -0.006474643516879622, 1.3016310042322645, 0.7118671427106082], 13)
    close((t, g) => fillTruncNormal(t, g, 0, 1, -0.5, 3), 'float16', [-0.33837890625, 0.58154296875, -0.0263214111328125, -0.055877685546875, 1.0302734375], 12)
    close((t, g) => fillTruncNormal(t, g, 0.1, 1, -0.5, 3), 'bfloat16', [0.83203125, 1.046875, -0.30078125, 1.96875, 0.0087890625, 1.2265625], 12)
  })
  it('keeps truncated normals within their bounds', () => {
    const t = make('float32', 5000)
    fillTruncNormal(t, new Generator().manualSeed(1), 0, 10, -0.3, 0.7)
    const values = decoded(t).map(Number)
    expect(Math.min(...values)).toBeGreaterThanOrEqual(Math.fround(-0.3))
    expect(Math.max(...values)).toBeLessThanOrEqual(Math.fround(0.7))
  })
})

describe('Generator', () => {
  it('has the state of torch.Generator, byte for byte, and goes on from it', () => {
    for (const seed of [0, 1]) {
      const state = (key: string) => Uint8Array.from(stored(`rng_state_s${seed}/${key}`).data as Uint8Array)
      const g = new Generator().manualSeed(seed)
      expect(g.getState()).toEqual(state('state0'))
      fillNormal(make('float32', 3), g)
      expect(g.getState()).toEqual(state('state1'))
      fillUniform(make('float32', 700), g)
      expect(g.getState()).toEqual(state('state2'))
      const after = stored(`rng_state_s${seed}/after`)
      const again = filled(make('float32', after.data.length), (t) => fillNormal(t, new Generator().setState(state('state2'))))
      expect(decoded(again)).toEqual(decoded(after))
    }
  })

  it('clones, and restores a state taken anywhere', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), fc.nat(1500), fc.boolean(), (seed, words, half) => {
        const g = new Generator().manualSeed(seed)
        for (let i = 0; i < words; i++) g.random()
        if (half) g.normal()
        const copy = g.clone()
        const rest = () => [g.normal(), g.random(), g.uniform(), g.random64(), g.initialSeed()]
        const expected = rest()
        expect([copy.normal(), copy.random(), copy.uniform(), copy.random64(), copy.initialSeed()]).toEqual(expected)
      }),
      { numRuns: 50 },
    )
  })

  it('starts as torch.Generator() does, and reports its seed', () => {
    expect(new Generator().initialSeed()).toBe(67280421310721n)
    expect(new Generator().manualSeed(-1).initialSeed()).toBe(2n ** 64n - 1n)
    const g = new Generator()
    const seed = g.seed()
    expect(seed).not.toBe(new Generator().seed())
    expect(g.random()).toBe(new Generator().manualSeed(seed).random())
  })

  it('manualSeed restarts the default generator', () => {
    expect(manualSeed(5)).toBe(defaultGenerator())
    expect(defaultGenerator().random()).toBe(new Generator().manualSeed(5).random())
  })

  it('refuses seeds and states that are none', () => {
    const g = new Generator()
    for (const { call, expected_error } of manifest.cases.filter((c: GoldenCase) => c.name.startsWith('seed_out_of_range'))) {
      expect(() => g.manualSeed(BigInt(call.args[0]))).toThrow(new RuntimeError(expected_error.message))
    }
    expect(() => g.manualSeed(1.5)).toThrow('manual_seed expected a long, but got 1.5')
    expect(() => g.manualSeed(Number.NaN)).toThrow('manual_seed expected a long, but got NaN')
    expect(() => g.setState(new Uint8Array(5))).toThrow('Expected a CPUGeneratorImplState of size 5056 but found the input RNG state size to be 5')
    expect(() => g.setState(new Uint8Array(5056))).toThrow('Invalid mt19937 state')
    const state = g.getState()
    state[16] = 200 // the next word, with as many left as before: would run past the end
    state[8] = 0
    state[9] = 2
    expect(() => g.setState(state)).toThrow('Invalid mt19937 state')
    expect(g.random()).toBe(new Generator().random())
  })
})

describe('bad arguments, with the texts of PyTorch 2.6', () => {
  const g = new Generator()
  const int = make('int64', 3)
  const float = make('float32', 3)
  const half = make('float16', 3)
  const cases: [() => void, string][] = [
    [() => fillUniform(int, g), `"check_uniform_bounds" not implemented for 'Long'`],
    [() => fillUniform(float, g, 2, 1), 'uniform_ expects to return a [from, to) range, but found from=2 > to=1'],
    [() => fillUniform(float, g, 1e20, 0), 'uniform_ expects to return a [from, to) range, but found from=1e+20 > to=0'],
    [() => fillUniform(float, g, Number.NaN, 1), 'from is out of bounds for float'],
    [() => fillUniform(half, g, 0, 70000), 'to is out of bounds for c10::Half'],
    [
      () => fillUniform(float, g, -3e38, 3e38),
      'uniform_ expects to-from <= std::numeric_limits<Float>::max(), but found to=3e+38 and from=-3e+38 which result in to-from to exceed the limit',
    ],
    [() => fillUniform(float, g, 0.682689492, -1e-5), 'uniform_ expects to return a [from, to) range, but found from=0.682689 > to=-1e-05'],
    [() => fillUniform(float, g, 1234567, 0.0001), 'but found from=1.23457e+06 > to=0.0001'],
    [() => fillNormal(int, g), `"normal_kernel_cpu" not implemented for 'Long'`],
    [() => fillNormal(float, g, 0, -1), 'normal expects std >= 0.0, but found std -1'],
    [() => fillNormal(float, g, 0, Number.NaN), 'normal expects std >= 0.0, but found std nan'],
    [() => fillBernoulli(float, g, 1.5), 'bernoulli_ expects p to be in [0, 1], but got p=1.5'],
    [
      () => fillBernoulliFrom(float, g, { data: new Float32Array([0.1, 1.5, 0]), dtype: 'float32' }),
      'Expected p_in >= 0 && p_in <= 1 to be true, but got false',
    ],
    [() => fillBernoulliFrom(float, g, int), `"bernoulli_tensor_cpu_p_" not implemented for 'Long'`],
    [() => fillExponential(float, g, 0), 'exponential_ expects lambda > 0.0, but found lambda=0'],
    [() => fillExponential(int, g), 'Exponential distribution is a continuous probability distribution. dtype must be a floating point but you specified Long'],
    [() => fillCauchy(float, g, 0, 0), 'cauchy_ expects sigma > 0.0, but found sigma=0'],
    [() => fillCauchy(int, g), 'Cauchy distribution is a continuous probability distribution. dtype must be a floating point but you specified long int'],
    [() => fillLogNormal(float, g, 0, 0), 'log_normal_ expects std > 0.0, but found std=0'],
    [() => fillLogNormal(int, g), `"log_normal_cpu" not implemented for 'Long'`],
    [() => fillGeometric(float, g, 1), 'geometric_ expects p to be in (0, 1), but got p=1'],
    [() => fillGeometric(make('bool', 3), g, 0.5), `"geometric_cpu" not implemented for 'Bool'`],
    [() => fillRandint(int, g, 5, 5), "random_ expects 'from' to be less than 'to', but got from=5 >= to=5"],
    [() => fillRandint(int, g, 5, 2), "random_ expects 'from' to be less than 'to', but got from=5 >= to=2"],
    [() => fillRandint(make('uint8', 3), g, 0, 300), 'to - 1 is out of bounds for unsigned char'],
    [() => fillRandint(make('int8', 3), g, -200, 3), 'from is out of bounds for signed char'],
    [() => fillRandint(make('bool', 3), g, 0, 3), 'to - 1 is out of bounds for bool'],
    [() => fillRandint(half, g, 0, 70000), 'to - 1 is out of bounds for c10::Half'],
    [
      () => fillRandint(float, g, 2 ** 25 + 1, 2 ** 25 + 2),
      "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got from=33554436 >= to=33554434",
    ],
    [() => fillRandint(int, g, 0, 2n ** 63n), 'Overflow when unpacking long'],
    [() => fillRandint(int, g, 0.5, 2), "random_: 'from' must be a whole number, got 0.5"],
    [() => fillRandperm(make('uint8', 257), g), 'value cannot be converted to type uint8_t without overflow'],
    [() => fillRandperm(make('float16', 2050), g), 'n cannot be greater than 2049 for Half type.'],
    [() => fillRandperm(make('bool', 2), g), `"randperm" not implemented for 'Bool'`],
    [() => multinomial(float, 3, 0, false, g), 'cannot sample n_sample <= 0 samples'],
    [() => multinomial(float, 3, 4, false, g), 'cannot sample n_sample > prob_dist.size(-1) samples without replacement'],
    [() => multinomial(int, 3, 1, false, g), 'multinomial only supports floating-point dtypes for input, got: Long'],
    [() => multinomial(float, 3, 1, false, g), 'invalid multinomial distribution (sum of probabilities <= 0)'],
    [() => multinomial(float, 3, 2, true, g), 'invalid multinomial distribution (sum of probabilities <= 0)'],
    [() => multinomial({ data: new Float32Array([1, -2]), dtype: 'float32' }, 2, 1, true, g), 'probability tensor contains either `inf`, `nan` or element < 0'],
    [
      () => multinomial({ data: new Float32Array([1, -2]), dtype: 'float32' }, 2, 2, true, g),
      'invalid multinomial distribution (encountering probability entry < 0)',
    ],
    [
      () => multinomial({ data: new Float32Array([1, Number.POSITIVE_INFINITY]), dtype: 'float32' }, 2, 2, true, g),
      'invalid multinomial distribution (encountering probability entry = infinity or NaN)',
    ],
  ]
  for (const [call, text] of cases) it(text, () => expect(call).toThrow(text))

  it('a refused call draws nothing', () => {
    const before = g.getState()
    for (const [call] of cases.filter(([, text]) => !text.startsWith('Expected p_in'))) expect(call).toThrow()
    expect(g.getState()).toEqual(before)
  })
})

describe('ranges', () => {
  it('randint stays in its range and randperm is a permutation', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: 1, max: 300 }), fc.nat(), (from, width, seed) => {
        for (const dtype of ['int64', 'int16', 'float32', 'float64', 'bfloat16'] as const) {
          if (dtype === 'bfloat16' && Math.max(Math.abs(from), Math.abs(from + width)) > 256) continue
          const t = filled(make(dtype, 50), (target) => fillRandint(target, new Generator().manualSeed(seed), from, from + width))
          for (const v of decoded(t)) expect(Number(v) >= from && Number(v) < from + width).toBe(true)
        }
        const order = filled(make('int32', width), (t) => fillRandperm(t, new Generator().manualSeed(seed)))
        expect([...(order.data as Int32Array)].sort((a, b) => a - b)).toEqual(Array.from({ length: width }, (_, i) => i))
      }),
      { numRuns: 100 },
    )
  })
})

describe('words', () => {
  it('many at once are those of single draws, wherever one stands in the state', () => {
    for (const [before, count] of [
      [0, 1],
      [0, 624],
      [1, 623],
      [623, 2],
      [624, 1300],
      [100, 5000],
    ]) {
      const [single, many] = [new Generator().manualSeed(7), new Generator().manualSeed(7)]
      const expected = Array.from({ length: before + count }, () => single.random()).slice(before)
      for (let i = 0; i < before; i++) many.random()
      const words = new Int32Array(count)
      many.fillWords(words)
      expect(Array.from(words, (w) => w >>> 0)).toEqual(expected)
      expect(many.getState()).toEqual(single.getState())
    }
  })
})
