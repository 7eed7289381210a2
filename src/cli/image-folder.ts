import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { keep } from '../core/storage.js'
import { emptyTensor, type Tensor } from '../core/tensor.js'
import { TensorDataset } from '../data/index.js'
import { FileError, readFile } from '../io/node.js'
import { imageData, type TrainingData } from '../training/index.js'
import { decodePng, type Pixels } from './png.js'

interface Image extends Pixels {
  file: string
  label: number
}

/** Of ten images of a class, one is held out. */
const HELD_OUT = 10

/**
 * A folder with one sub-folder of PNG images for each class, as torchvision's ImageFolder has it. Of each class the last tenth, in the order of the
 * names and at least one, is held out. Channels are normalised by their mean and deviation over the images to learn from.
 * @throws FileError that names the file or folder that is not as it should be
 */
export function readImageFolder(folder: string): TrainingData {
  const classNames = entries(folder, (entry) => entry.isDirectory())
  if (classNames.length < 2) throw new FileError(`${folder} needs a sub-folder of PNG images for each of at least two classes, and has ${classNames.length}`)
  const hash = createHash('sha256')
  const [train, heldOut]: [Image[], Image[]] = [[], []]
  for (const [label, name] of classNames.entries()) {
    const files = entries(path.join(folder, name), (entry) => entry.isFile()).map((file) => path.join(folder, name, file))
    if (files.length < 2) throw new FileError(`${path.join(folder, name)} has ${files.length} images; at least two are needed, of which one is held out`)
    const learned = files.length - Math.max(1, Math.floor(files.length / HELD_OUT))
    for (const [i, file] of files.entries()) {
      const bytes = readFile(file)
      hash.update(`${path.relative(folder, file)}\0${bytes.length}\0`).update(bytes)
      ;(i < learned ? train : heldOut).push({ ...decoded(file, bytes), file, label })
    }
  }
  const all = [...train, ...heldOut]
  const [first] = all
  const other = all.find(({ width, height }) => width !== first.width || height !== first.height)
  if (other) {
    const size = ({ file, width, height }: Image) => `${file} has ${width} x ${height}`
    throw new FileError(`all images must have the same size: ${size(first)}, ${size(other)} pixels`)
  }
  const channels = all.some((image) => image.channels === 3) ? 3 : 1
  const normalise = normalisation(train, channels)
  const tensors = (images: readonly Image[]) => toDataset(images, channels, normalise)
  return imageData({ name: folder, path: folder, fingerprint: hash.digest('hex') }, tensors(train), tensors(heldOut), classNames)
}

/** Names in a folder, in the order of their characters; hidden ones are none. */
function entries(folder: string, wanted: (entry: fs.Dirent) => boolean): string[] {
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith('.') && wanted(entry))
    .map(({ name }) => name)
    .sort()
}

function decoded(file: string, bytes: Uint8Array): Pixels {
  try {
    return decodePng(bytes)
  } catch (error) {
    throw new FileError(`can't read ${file} as a PNG image: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

/** The value of a channel of a pixel; grey has all three alike. */
const valueAt = ({ channels, values }: Pixels, pixel: number, channel: number): number => values[pixel * channels + (channels === 1 ? 0 : channel)]

function normalisation(images: readonly Image[], channels: number): (value: number, channel: number) => number {
  const [{ width, height }] = images
  const count = images.length * width * height
  const sumOf = (channel: number, f: (value: number) => number) => {
    let sum = 0
    for (const image of images) for (let pixel = 0; pixel < width * height; pixel++) sum += f(valueAt(image, pixel, channel))
    return sum
  }
  const statistics = Array.from({ length: channels }, (_, c) => {
    const mean = sumOf(c, (v) => v) / count
    return { mean, std: Math.sqrt(sumOf(c, (v) => (v - mean) ** 2) / count) || 1 }
  })
  return (value, c) => (value - statistics[c].mean) / statistics[c].std
}

function toDataset(images: readonly Image[], channels: number, normalise: (value: number, channel: number) => number): TensorDataset<[Tensor, Tensor]> {
  const [{ width, height }] = images
  const pixels = keep(emptyTensor([images.length, channels, height, width], 'float32'))
  const labels = keep(emptyTensor([images.length], 'int64'))
  const [data, numbers] = [pixels.data, labels.data]
  let at = 0
  for (const [i, image] of images.entries()) {
    for (let c = 0; c < channels; c++) for (let pixel = 0; pixel < width * height; pixel++) data[at++] = normalise(valueAt(image, pixel, c), c)
    numbers[i] = BigInt(image.label)
  }
  return new TensorDataset(pixels, labels)
}
