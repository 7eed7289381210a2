import { checkOptions, ValueError } from '../core/errors.js'
import { keep } from '../core/storage.js'
import { emptyTensor, type Tensor } from '../core/tensor.js'
import { TensorDataset } from './dataset.js'
import { gunzip, readPackaged } from './packaged.js'

/** Handwritten digits as they are in the file: one byte a pixel (0 is background) and a label. */
export interface DigitImages {
  /** Number of images. */
  count: number
  /** Pixels of an image from top to bottom. */
  rows: number
  /** Pixels of an image from left to right. */
  columns: number
  /** count x rows x columns */
  pixels: Uint8Array
  labels: Uint8Array
}

/** Both parts of the file. */
export interface Digits {
  train: DigitImages
  test: DigitImages
}

const MAGIC = 'EKD1'
const HEADER_BYTES = 20
const damaged = (what: string, cause?: unknown) => new ValueError(`the file of digits is damaged: ${what}`, { cause })

/**
 * Decodes a file that `scripts/build-digits.mjs` made (data/digits/README.md gives the format), compressed or not.
 * @throws ValueError where it is cut off or damaged
 */
export async function decodeDigits(file: Uint8Array): Promise<Digits> {
  if (!(file instanceof Uint8Array)) throw new TypeError('decodeDigits: expected the bytes of a file as a Uint8Array')
  const bytes = await gunzip(file, (cause) => damaged('it is cut off or changed, as decompressing it failed', cause))
  if ([...MAGIC].some((c, i) => bytes[i] !== c.charCodeAt(0))) throw damaged(`it does not begin with ${MAGIC}`)
  if (bytes.length < HEADER_BYTES) throw damaged(`it ends within its header, after ${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [trainCount, testCount, rows, columns] = [4, 8, 12, 16].map((at) => view.getUint32(at, true))
  const expected = HEADER_BYTES + (trainCount + testCount) * (rows * columns + 1)
  if (bytes.length !== expected)
    throw damaged(`it has ${bytes.length} bytes, expected ${expected} for ${trainCount} + ${testCount} images of ${rows} x ${columns}`)

  let at = HEADER_BYTES
  const take = (length: number) => {
    at += length
    return bytes.subarray(at - length, at)
  }
  const part = (count: number): DigitImages => {
    const pixels = take(count * rows * columns)
    const labels = take(count)
    const wrong = labels.findIndex((label) => label > 9)
    if (wrong >= 0) throw damaged(`label ${wrong} is ${labels[wrong]}`)
    return { count, rows, columns, pixels, labels }
  }
  return { train: part(trainCount), test: part(testCount) }
}

export interface LoadDigitsOptions {
  /** 28 for the images as they are, 14 for the means of squares of 2 x 2 pixels, with a quarter of the work. Default 28. */
  size?: 28 | 14
  /** Where the file is, for pages whose bundler does not carry it along; or its bytes. Default: the file in the package. */
  source?: string | URL | Uint8Array
}

/** Mean and standard deviation of MNIST's training pixels, in [0, 1]: the usual constants. */
const MEAN = 0.1307
const STD = 0.3081

/**
 * Real handwritten digits: the first 5,000 training and 1,000 test images of MNIST (CC BY-SA 3.0, see data/digits), normalised by
 * (pixel/255 - 0.1307)/0.3081 as torchvision's `ToTensor` and `Normalize` do.
 * @returns data sets of [image, label]: float32 [count, 1, size, size] and int64 [count]
 * @throws ValueError where the file can't be had or is damaged
 */
export async function loadDigits(options: LoadDigitsOptions = {}): Promise<{ train: TensorDataset<[Tensor, Tensor]>; test: TensorDataset<[Tensor, Tensor]> }> {
  checkOptions('loadDigits', options, ['size', 'source'])
  const { size = 28, source = new URL('../../data/digits/mnist-5000-1000.bin.gz', import.meta.url) } = options
  if (size !== 28 && size !== 14) throw new ValueError(`loadDigits: size must be 28 or 14, got ${size}`)
  const digits = await decodeDigits(source instanceof Uint8Array ? source : await readPackaged(source))
  return { train: toDataset(digits.train, size), test: toDataset(digits.test, size) }
}

function toDataset({ count, rows, columns, pixels, labels }: DigitImages, size: number): TensorDataset<[Tensor, Tensor]> {
  const block = rows / size
  const images = keep(emptyTensor([count, 1, size, size], 'float32'))
  const classes = keep(emptyTensor([count], 'int64'))
  const target = images.data
  // Sums of block x block pixels are whole numbers, so each has its result in a table.
  const table = normalised(255 * block * block)
  let i = 0
  for (let image = 0; image < count; image++) {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        let sum = 0
        for (let dy = 0; dy < block; dy++) {
          const start = (image * rows + y * block + dy) * columns + x * block
          for (let dx = 0; dx < block; dx++) sum += pixels[start + dx]
        }
        target[i++] = table[sum]
      }
    }
  }
  const numbers = classes.data
  for (let image = 0; image < count; image++) numbers[image] = BigInt(labels[image])
  return new TensorDataset(images, classes)
}

/** (v/white - mean)/std of v from 0 to `white`, each step rounded to float32. */
function normalised(white: number): Float32Array {
  const f = Math.fround
  return Float32Array.from({ length: white + 1 }, (_, v) => f(f(v / white) - f(MEAN)) / f(STD))
}
