import { RuntimeError } from '../core/errors.js'
import { Tensor } from '../core/tensor.js'
import { stack, tensor } from '../ops/index.js'

/** What a batch of samples of a type is: tensors where the samples have tensors, numbers, bigints or booleans, in the same tuples and objects. */
export type Collated<Sample> = Sample extends Tensor | ArrayBufferView | number | bigint | boolean
  ? Tensor
  : Sample extends string
    ? string[]
    : { [K in keyof Sample]: Collated<Sample[K]> }

/**
 * Joins samples to a batch, with a new first dimension. As `torch.utils.data.default_collate`.
 * Tensors and typed arrays are stacked; numbers become a tensor of the default float (JavaScript can't tell 2 from 2.0), bigints one of
 * int64, booleans one of bool; arrays and plain objects are joined item by item; strings stay an array.
 * @throws TypeError for anything else, RuntimeError where samples differ in shape
 */
export function defaultCollate<Sample>(samples: readonly Sample[]): Collated<Sample> {
  if (!Array.isArray(samples)) throw new TypeError(`defaultCollate: expected an array of samples, got ${samples === null ? 'null' : typeof samples}`)
  return join(samples) as Collated<Sample>
}

function join(samples: readonly unknown[]): unknown {
  const [first] = samples
  const kind = kindOf(first)
  for (const sample of samples) {
    if (kindOf(sample) !== kind) throw new TypeError(`defaultCollate: the samples of a batch must be of one kind, found ${kind} and ${kindOf(sample)}`)
  }
  if (areTensors(samples)) return stack(samples)
  if (areArrays(samples)) {
    const { length } = samples[0]
    if (samples.some((sample) => sample.length !== length)) throw new RuntimeError('each element in list of batch should be of equal size')
    return samples[0].map((_, i) => join(samples.map((sample) => sample[i])))
  }
  if (kind === 'typed array') return stack(samples.map((sample) => tensor(sample as ArrayBufferView)))
  if (kind === 'number' || kind === 'bigint' || kind === 'boolean') return tensor(samples as readonly (number | bigint | boolean)[])
  if (kind === 'string') return samples
  const objects = samples as readonly Record<string, unknown>[]
  return Object.fromEntries(Object.keys(objects[0]).map((key) => [key, join(objects.map((sample) => sample[key]))]))
}

const areTensors = (samples: readonly unknown[]): samples is readonly Tensor[] => samples[0] instanceof Tensor
const areArrays = (samples: readonly unknown[]): samples is readonly (readonly unknown[])[] => Array.isArray(samples[0])

function kindOf(sample: unknown): string {
  if (sample instanceof Tensor) return 'tensor'
  if (ArrayBuffer.isView(sample)) return 'typed array'
  if (Array.isArray(sample)) return 'array'
  if (['number', 'bigint', 'boolean', 'string'].includes(typeof sample)) return typeof sample
  if (sample !== null && typeof sample === 'object' && Object.getPrototypeOf(sample) === Object.prototype) return 'object'
  const found = sample === null ? 'null' : typeof sample === 'object' ? (sample.constructor?.name ?? 'an object') : typeof sample
  throw new TypeError(`defaultCollate: batch must contain tensors, typed arrays, numbers, objects or arrays; found ${found}`)
}
