import { checkNumber, checkOptions, RuntimeError, ValueError } from '../core/errors.js'
import type { Generator } from '../core/random.js'
import { checkTensor, type Tensor } from '../core/tensor.js'
import '../ops/methods.js'
import { multinomial } from '../ops/random.js'
import { topk } from '../ops/sort.js'

/** How the next token is drawn. */
export interface SampleOptions {
  /** Divides the logits: below 1 likely tokens become likelier, 0 takes the likeliest. Default 1. */
  temperature?: number
  /** Draw among the so many likeliest; null for all. Default null. */
  topK?: number | null
  /** Default: the default generator. */
  generator?: Generator
}

/** @throws RuntimeError, TypeError and ValueError where a model can't go on from these arguments */
export function checkGenerate(owner: string, tokens: Tensor, count: number, options: SampleOptions): void {
  checkTensor(owner, 'tokens', tokens)
  checkOptions(owner, options, ['temperature', 'topK', 'generator'])
  if (tokens.ndim !== 2 || tokens.numel() === 0 || tokens.dtype !== 'int64')
    throw new RuntimeError(`${owner}: expected int64 tokens [batch, length] with at least one token, got ${tokens.dtype} [${tokens.shape.join(', ')}]`)
  if (!(Number.isInteger(count) && count >= 0)) throw new ValueError(`${owner}: the number of tokens must be a whole number, got ${String(count)}`)
  const { temperature = 1, topK = null } = options
  checkNumber(owner, 'temperature', temperature)
  if (!(temperature >= 0 && temperature < Number.POSITIVE_INFINITY)) throw new ValueError(`${owner}: temperature must be 0 or more, got ${temperature}`)
  if (topK !== null && !(Number.isInteger(topK) && topK > 0))
    throw new ValueError(`${owner}: topK must be a positive whole number or null, got ${String(topK)}`)
}

/** One token for each row of logits [batch, vocabSize]: int64 [batch, 1]. */
export function sampleNext(logits: Tensor, { temperature = 1, topK = null, generator }: SampleOptions): Tensor {
  if (temperature === 0) return logits.argmax(-1, { keepdim: true })
  let scores = logits.div(temperature)
  if (topK !== null && topK < logits.shape[1]) {
    const least = topk(scores, topK).values.narrow(1, topK - 1, 1)
    scores = scores.maskedFill(scores.lt(least), Number.NEGATIVE_INFINITY)
  }
  return multinomial(scores.softmax(-1), 1, { generator })
}
