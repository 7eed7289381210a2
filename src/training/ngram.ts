/**
 * What counting alone achieves on a text: a model of a language is worth its work where it is clearly below.
 * Cross-entropies in nats for each token of `heldOut`, by counts from `train`.
 */
export interface CountingModels {
  /** Tokens are drawn by how frequent they are. */
  unigram: number
  /** Tokens are drawn by how often they followed the one before. */
  bigram: number
}

type Tokens = ArrayLike<number | bigint>

/**
 * Unseen tokens and pairs need a share, too: p(b) = (count(b) + 1)/(n + V), and p(b | a) = (count(ab) + p(b))/(Σ_c count(ac) + 1), which falls back on
 * the unigram by the weight of one observation (the Dirichlet prior of MacKay and Peto 1995, A hierarchical Dirichlet language model, with α = 1).
 * The first held-out token is predicted from the last of `train`.
 * @param vocabSize V, above every token
 */
export function countingModels(train: Tokens, heldOut: Tokens, vocabSize: number): CountingModels {
  const counts = new Float64Array(vocabSize)
  const followed = new Float64Array(vocabSize)
  const pairs = new Map<number, number>()
  const pair = (a: number, b: number) => a * vocabSize + b
  let previous = -1
  for (let i = 0; i < train.length; i++) {
    const token = Number(train[i])
    counts[token]++
    if (i > 0) {
      followed[previous]++
      pairs.set(pair(previous, token), (pairs.get(pair(previous, token)) ?? 0) + 1)
    }
    previous = token
  }
  let unigram = 0
  let bigram = 0
  for (let i = 0; i < heldOut.length; i++) {
    const token = Number(heldOut[i])
    const share = (counts[token] + 1) / (train.length + vocabSize)
    unigram -= Math.log(share)
    bigram -= previous < 0 ? Math.log(share) : Math.log(((pairs.get(pair(previous, token)) ?? 0) + share) / (followed[previous] + 1))
    previous = token
  }
  return { unigram: unigram / heldOut.length, bigram: bigram / heldOut.length }
}
