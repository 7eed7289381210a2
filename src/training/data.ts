import { ValueError } from '../core/errors.js'
import { keep } from '../core/storage.js'
import type { Tensor } from '../core/tensor.js'
import { CharTokenizer, type Dataset, loadDigits, loadMobyDick, NextTokenDataset, splitText, type TensorDataset } from '../data/index.js'
import { countingModels } from './ngram.js'

/** What a network must know of its data to be made, and `evenkeel sample` to write text. */
export interface DataForm {
  kind: 'text' | 'images'
  /** Numbers that the network gives for each prediction: characters of the text, or classes. */
  classes: number
  /** Channels, height and width of the images; null for text. */
  image: readonly [channels: number, height: number, width: number] | null
  /** Tokens that the network sees at once; null for images. */
  context: number | null
  /** Every character of the text, or the names of the classes. */
  vocabulary: string | readonly string[]
}

/** Where data come from. */
export interface DataSource {
  /** As a report says it. */
  name: string
  /** The user's file or folder; null for what is in the package. */
  path: string | null
  /** Differs where the data do. */
  fingerprint: string
}

/** What a network is trained and tested on: samples [input, target]. */
export interface TrainingData extends DataSource {
  form: DataForm
  train: Dataset<readonly [Tensor, Tensor]>
  heldOut: Dataset<readonly [Tensor, Tensor]>
  /** Losses that need no network, in nats, on what is held out. */
  references: readonly { name: string; loss: number }[]
}

/** Enough for a figure of two good digits, and no more time for a long text than for a short one. */
const MOST_HELD_OUT = 131_072

/** The last tenth of a text is held out, of which the first 131,072 characters are used. @throws ValueError where the text is too short for the context */
export function textData(text: string, source: DataSource, context: number): TrainingData {
  const tokenizer = new CharTokenizer(text)
  const parts = splitText(text)
  const train = keep(tokenizer.encode(parts.train))
  const heldOut = keep(tokenizer.encode(parts.validation).slice(0, 0, MOST_HELD_OUT))
  if (Math.min(train.numel(), heldOut.numel()) <= context) {
    throw new ValueError(
      `${source.name} has ${text.length.toLocaleString('en-US')} characters: too few to learn from ${context} at a time and hold out a tenth. ` +
        `At least ${(10 * (context + 1)).toLocaleString('en-US')} are needed.`,
    )
  }
  const { unigram, bigram } = countingModels(train.data, heldOut.data, tokenizer.vocabSize)
  return {
    ...source,
    form: { kind: 'text', classes: tokenizer.vocabSize, image: null, context, vocabulary: tokenizer.vocabulary },
    train: new NextTokenDataset(train, context),
    heldOut: new NextTokenDataset(heldOut, context),
    references: [
      { name: 'unigram', loss: unigram },
      { name: 'bigram', loss: bigram },
    ],
  }
}

/** Images [N, C, H, W] with labels. @param classNames by label */
export function imageData(
  source: DataSource,
  train: TensorDataset<[Tensor, Tensor]>,
  heldOut: TensorDataset<[Tensor, Tensor]>,
  classNames: readonly string[],
): TrainingData {
  const [, channels, height, width] = train.tensors[0].shape
  return {
    ...source,
    form: { kind: 'images', classes: classNames.length, image: [channels, height, width], context: null, vocabulary: classNames },
    train,
    heldOut,
    references: [{ name: 'a guess', loss: Math.log(classNames.length) }],
  }
}

/** What is in the package: Moby Dick for models of text, MNIST's digits for those of images. */
export async function packagedData(kind: 'text' | 'images', context: number): Promise<TrainingData> {
  if (kind === 'text') {
    const name = 'Moby Dick (Herman Melville; public domain)'
    return textData(await loadMobyDick(), { name, path: null, fingerprint: 'moby-dick' }, context)
  }
  const { train, test } = await loadDigits()
  const name = 'MNIST, the first 5,000 training and 1,000 test images (LeCun, Cortes; CC BY-SA 3.0)'
  const digits = Array.from({ length: 10 }, (_, digit) => String(digit))
  return imageData({ name, path: null, fingerprint: 'mnist-5000-1000' }, train, test, digits)
}
