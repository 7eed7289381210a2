import { arange, F, models, nn, noGrad, optim, steps, type Tensor, tensor } from '../src/index.js'
import { versus } from './differentiable.js'
import { type Contestant, each, numbers, product, type Target, type Workload } from './workload.js'

/** A recurrent network and a small language model. */

interface Training {
  name: string
  description: string
  flops: number
  make(): { model: nn.Module; loss(): Tensor }
  optimizer?(parameters: Tensor[]): optim.Optimizer
  /** Python that defines `model`, `loss()` and, where there is one, `optimizer`; parameters come in the same order. */
  torch: string
  targets: readonly Target[]
}

const SCALE = 0.1
const without = { jax: 'not written for this benchmark', tfjs: 'not written for this benchmark' }

/** The loss and the gradients of all parameters, which start as fixed numbers; with an optimizer, also its step. */
function training({ name, description, flops, make, optimizer: optimizerOf, torch, targets }: Training): Workload {
  const ours = (): Contestant => {
    const { model, loss } = make()
    const parameters = model.parameters()
    const optimizer = optimizerOf?.(parameters)
    noGrad(() => {
      for (const [i, p] of parameters.entries()) p.copy_(tensor(numbers(p.numel(), i + 3), { shape: p.shape }).mul(SCALE))
    })
    const turns = steps()
    const backward = () => {
      turns.next()
      model.zeroGrad()
      const value = loss()
      value.backward()
      return value
    }
    return {
      times: each(() => {
        backward()
        optimizer?.step()
      }),
      result: () => [backward(), ...parameters.map((p) => p.grad as Tensor)].map((t) => t.detach().toTypedArray() as Float32Array),
      dispose: () => void turns.return(),
    }
  }
  const program = `${torch}
with torch.no_grad():
    for i, p in enumerate(model.parameters()):
        p.copy_(numbers(p.shape, i + 3) * ${SCALE})
def backward():
    model.zero_grad()
    value = loss()
    value.backward()
    return [value, *(p.grad for p in model.parameters())]
def train():
    backward()
    ${optimizerOf ? 'optimizer.step()' : 'pass'}
timed(train, backward)`
  return { name, description, flops, ours, torch: program, without, targets }
}

const lstm = { input: 64, hidden: 128, batch: 32, length: 64 }
const lstmShape = [lstm.length, lstm.batch, lstm.input]

const gpt = { vocabulary: 65, length: 128, batch: 8, layers: 2, heads: 4, features: 128 }
const tokens = gpt.batch * gpt.length
/** Weights that every token is multiplied with. */
const gptWeights = gpt.layers * 12 * gpt.features ** 2 + gpt.vocabulary * gpt.features

export const sequences: readonly Workload[] = [
  training({
    name: 'lstm_64x32x64_128',
    description: `LSTM(${lstm.input}, ${lstm.hidden}) of [${lstmShape}], with the gradients of its weights`,
    flops: 3 * 2 * lstm.length * lstm.batch * 4 * lstm.hidden * (lstm.input + lstm.hidden),
    make: () => {
      const model = new nn.LSTM(lstm.input, lstm.hidden)
      const x = tensor(numbers(product(lstmShape), 1), { shape: lstmShape })
      return { model, loss: () => model.forward(x)[0].square().mean() }
    },
    torch: `
model = nn.LSTM(${lstm.input}, ${lstm.hidden})
x = numbers([${lstmShape}], 1)
loss = lambda: model(x)[0].square().mean()`,
    targets: [versus('torch128', 0.85)],
  }),
  training({
    name: 'gpt_step',
    description: `training step of a GPT of ${gpt.layers} layers, ${gpt.features} features and ${gpt.heads} heads on ${gpt.batch} texts of ${gpt.length} tokens, AdamW`,
    flops: 6 * tokens * gptWeights + gpt.layers * 7 * tokens * gpt.length * gpt.features,
    make: () => {
      const model = new models.GPT({
        vocabSize: gpt.vocabulary,
        blockSize: gpt.length,
        nLayer: gpt.layers,
        nHead: gpt.heads,
        nEmbd: gpt.features,
        tieWeights: false,
      })
      const text = arange(tokens).remainder(gpt.vocabulary).view([gpt.batch, gpt.length])
      const next = arange(tokens).add(1).remainder(gpt.vocabulary)
      return { model, loss: () => F.crossEntropy(model.forward(text).flatten(0, 1), next) }
    },
    optimizer: (parameters) => new optim.AdamW(parameters),
    torch: `
class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.ln_1, self.c_attn, self.c_proj = nn.LayerNorm(d), nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.ln_2, self.c_fc, self.c_out = nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
    def forward(self, x):
        batch, length, d = x.shape
        q, k, v = self.c_attn(self.ln_1(x)).view(batch, length, 3, ${gpt.heads}, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, length, d)
        x = x + self.c_proj(y)
        return x + self.c_out(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))
class Model(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(${gpt.vocabulary}, d), nn.Embedding(${gpt.length}, d)
        self.h = nn.Sequential(*(Block(d) for _ in range(${gpt.layers})))
        self.ln_f, self.lm_head = nn.LayerNorm(d), nn.Linear(d, ${gpt.vocabulary}, bias=False)
    def forward(self, text):
        return self.lm_head(self.ln_f(self.h(self.wte(text) + self.wpe(torch.arange(text.shape[1])))))
model = Model(${gpt.features})
text = (torch.arange(${tokens}) % ${gpt.vocabulary}).view(${gpt.batch}, ${gpt.length})
target = (torch.arange(${tokens}) + 1) % ${gpt.vocabulary}
loss = lambda: F.cross_entropy(model(text).flatten(0, 1), target)
optimizer = torch.optim.AdamW(model.parameters())`,
    targets: [versus('torch128', 0.75)],
  }),
]
