import { arange, F, models } from '../src/index.js'
import { type JaxArray, type TfTensor, versus } from './differentiable.js'
import type { Jax, Tfjs } from './peers.js'
import { training } from './training.js'
import type { Workload } from './workload.js'

/** A training step of a small language model. */

const [vocabulary, length, batch, layers, heads, features] = [65, 128, 8, 2, 4, 128]
const tokens = batch * length
const size = features / heads
const SCALE = 1 / Math.sqrt(size)
/** Weights that every token is multiplied with. */
const weights = layers * 12 * features ** 2 + vocabulary * features

const EPS = 1e-5
/** GELU as GPT-2 has it: x / 2 (1 + tanh(√(2/π) (x + 0.044715 x³))). */
const [GELU_SCALE, GELU_CUBE] = [Math.sqrt(2 / Math.PI), 0.044715]

const text = Array.from({ length: tokens }, (_, i) => i % vocabulary)
const following = text.map((token) => (token + 1) % vocabulary)

/** The parameters in the model's order, by name. */
function named<T>(parameters: readonly T[]) {
  const [wte, wpe, ...rest] = parameters
  const block = (first: number) => {
    const [norm1, norm1Bias, attention, attentionBias, projection, projectionBias, norm2, norm2Bias, fc, fcBias, out, outBias] = rest.slice(first, first + 12)
    return { norm1, norm1Bias, attention, attentionBias, projection, projectionBias, norm2, norm2Bias, fc, fcBias, out, outBias }
  }
  const [norm, normBias, head] = rest.slice(12 * layers)
  return { wte, wpe, blocks: Array.from({ length: layers }, (_, i) => block(12 * i)), norm, normBias, head }
}

/** An embedding is a product with one-hot vectors. */
function withJax({ numpy: np, nn: jnn }: Jax): (parameters: JaxArray[]) => JaxArray {
  const oneHot = (list: readonly number[]) => jnn.oneHot(np.array([...list], { dtype: np.int32 }), vocabulary)
  const [seen, wanted] = [oneHot(text), oneHot(following)]
  const linear = (x: JaxArray, weight: JaxArray, bias: JaxArray) => np.matmul(x, np.transpose(weight)).add(bias)
  const norm = (x: JaxArray, weight: JaxArray, bias: JaxArray) => jnn.standardize(x, -1, { epsilon: EPS }).mul(weight).add(bias)
  const future = () => np.where(np.tri(length, length).greater(0.5), 0, -1e30)
  const attention = (x: JaxArray) => {
    const [q, k, v] = np
      .split(np.transpose(x.reshape([batch, length, 3, heads, size]), [2, 0, 3, 1, 4]), 3, 0)
      .map((a) => a.reshape([batch, heads, length, size]))
    const scores = np
      .matmul(q, np.transpose(k, [0, 1, 3, 2]))
      .mul(SCALE)
      .add(future())
    return np.transpose(np.matmul(jnn.softmax(scores, -1), v), [0, 2, 1, 3]).reshape([tokens, features])
  }
  const gelu = (x: JaxArray) => jnn.gelu(x, { approximate: true })
  return (parameters) => {
    const p = named(parameters)
    let x = np.matmul(seen.ref, p.wte).reshape([batch, length, features]).add(p.wpe).reshape([tokens, features])
    for (const b of p.blocks) {
      const attended = attention(linear(norm(x.ref, b.norm1, b.norm1Bias), b.attention, b.attentionBias))
      x = x.add(linear(attended, b.projection, b.projectionBias))
      x = x.ref.add(linear(gelu(linear(norm(x, b.norm2, b.norm2Bias), b.fc, b.fcBias)), b.out, b.outBias))
    }
    const logits = np.matmul(norm(x, p.norm, p.normBias), np.transpose(p.head))
    return np.sum(jnn.logSoftmax(logits, -1).mul(wanted.ref)).mul(-1 / tokens)
  }
}

function withTfjs(tf: Tfjs): (parameters: TfTensor[]) => TfTensor {
  type Matrix = ReturnType<Tfjs['tensor2d']>
  const oneHot = (list: readonly number[]) => tf.tidy(() => tf.oneHot(tf.tensor1d([...list], 'int32'), vocabulary).toFloat()) as Matrix
  const [seen, wanted] = [oneHot(text), oneHot(following)]
  const future = tf.tidy(() =>
    tf.linalg
      .bandPart(tf.ones([length, length]), -1, 0)
      .sub(1)
      .mul(1e30),
  )
  const matMul = (x: TfTensor, weight: TfTensor) => tf.matMul(x as Matrix, weight as Matrix, false, true)
  const norm = (x: TfTensor, weight: TfTensor, bias: TfTensor) => {
    const { mean, variance } = tf.moments(x, -1, true)
    return x.sub(mean).mul(variance.add(EPS).rsqrt()).mul(weight).add(bias)
  }
  const attention = (x: TfTensor) => {
    const [q, k, v] = tf.unstack(x.reshape([batch, length, 3, heads, size]).transpose([2, 0, 3, 1, 4]), 0)
    const weights = tf.softmax(tf.matMul(q, k, false, true).mul(SCALE).add(future))
    return tf.matMul(weights, v).transpose([0, 2, 1, 3]).reshape([tokens, features])
  }
  const gelu = (x: TfTensor) => x.mul(x.mul(x.square().mul(GELU_CUBE).add(1)).mul(GELU_SCALE).tanh().add(1)).mul(0.5)
  return (parameters) => {
    const p = named(parameters)
    let x: TfTensor = tf
      .matMul(seen, p.wte as Matrix)
      .reshape([batch, length, features])
      .add(p.wpe)
      .reshape([tokens, features])
    for (const b of p.blocks) {
      const attended = attention(matMul(norm(x, b.norm1, b.norm1Bias), b.attention).add(b.attentionBias))
      x = x.add(matMul(attended, b.projection).add(b.projectionBias))
      x = x.add(matMul(gelu(matMul(norm(x, b.norm2, b.norm2Bias), b.fc).add(b.fcBias)), b.out).add(b.outBias))
    }
    const logits = matMul(norm(x, p.norm, p.normBias), p.head)
    return tf
      .logSoftmax(logits, -1)
      .mul(wanted)
      .sum()
      .mul(-1 / tokens)
  }
}

export const gpt: readonly Workload[] = [
  training({
    name: 'gpt_step',
    description: `training step of a GPT of ${layers} layers, ${features} features and ${heads} heads on ${batch} texts of ${length} tokens, AdamW`,
    flops: 6 * tokens * weights + layers * 7 * tokens * length * features,
    make: () => {
      const model = new models.GPT({ vocabSize: vocabulary, blockSize: length, nLayer: layers, nHead: heads, nEmbd: features, tieWeights: false })
      const seen = arange(tokens).remainder(vocabulary).view([batch, length])
      const next = arange(tokens).add(1).remainder(vocabulary)
      return { model, loss: () => F.crossEntropy(model.forward(seen).flatten(0, 1), next) }
    },
    adamW: true,
    jax: withJax,
    tfjs: withTfjs,
    torch: `
class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.ln_1, self.c_attn, self.c_proj = nn.LayerNorm(d), nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.ln_2, self.c_fc, self.c_out = nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
    def forward(self, x):
        batch, length, d = x.shape
        q, k, v = self.c_attn(self.ln_1(x)).view(batch, length, 3, ${heads}, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, length, d)
        x = x + self.c_proj(y)
        return x + self.c_out(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))
class Model(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(${vocabulary}, d), nn.Embedding(${length}, d)
        self.h = nn.Sequential(*(Block(d) for _ in range(${layers})))
        self.ln_f, self.lm_head = nn.LayerNorm(d), nn.Linear(d, ${vocabulary}, bias=False)
    def forward(self, text):
        return self.lm_head(self.ln_f(self.h(self.wte(text) + self.wpe(torch.arange(text.shape[1])))))
model = Model(${features})
text = (torch.arange(${tokens}) % ${vocabulary}).view(${batch}, ${length})
target = (torch.arange(${tokens}) + 1) % ${vocabulary}
loss = lambda: F.cross_entropy(model(text).flatten(0, 1), target)`,
    targets: [versus('torch128', 0.75)],
  }),
]
