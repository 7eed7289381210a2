import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { manualSeed, nn, ones, randn, type Tensor, tanh, zeros } from '../../src/index.js'
import { readSafetensors, writeSafetensors } from '../../src/node.js'
import { expectTorchs } from './torch.js'

class Whitened extends nn.Module {
  declare center: Tensor
  declare scratch: Tensor
  scale: nn.Parameter
  proj: nn.ModuleList<nn.Linear>

  constructor(dim: number) {
    super()
    this.registerBuffer('center', zeros(dim))
    this.registerBuffer('scratch', ones(dim), { persistent: false })
    this.scale = new nn.Parameter(ones(dim))
    this.proj = new nn.ModuleList([0, 1].map(() => new nn.Linear(dim, dim)))
  }

  override forward(x: Tensor): Tensor {
    if (this.training) this.center.lerp_(x.mean(0).detach(), 0.1)
    x = x.sub(this.center).mul(this.scale)
    for (const layer of this.proj) x = tanh(layer.forward(x))
    return x
  }
}

it('a module with buffers, initialised by apply, saved and loaded', () => {
  manualSeed(6)
  const model = new Whitened(4)
  model.apply((m) => {
    if (!(m instanceof nn.Linear)) return
    nn.init.xavierUniform_(m.weight, nn.init.calculateGain('tanh'))
    nn.init.zeros_(m.bias!)
  })
  const x = randn(5, 4)
  const out = model.forward(x)
  expectTorchs('custom_module', {
    keys: Object.keys(model.stateDict()),
    center: model.center.tolist(),
    out: out.flatten().tolist(),
    parameters: model.parameters().reduce((sum, p) => sum + p.numel(), 0),
  })

  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'))
  try {
    const file = join(folder, 'model.safetensors')
    writeSafetensors(file, model.stateDict())
    const loaded = new Whitened(4)
    const { missingKeys, unexpectedKeys } = loaded.loadStateDict(readSafetensors(file))
    expect([missingKeys, unexpectedKeys]).toEqual([[], []])
    expect(loaded.eval().forward(x).tolist()).toEqual(model.eval().forward(x).tolist())
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it('hooks that capture activations and gradients', () => {
  manualSeed(7)
  const first = new nn.Linear(4, 6)
  const model = new nn.Sequential(first, new nn.BatchNorm1d(6), new nn.ReLU(), new nn.Linear(6, 2))
  const activations: Record<string, number> = {}
  const gradients: Record<string, number> = {}
  const handles = model.namedChildren().flatMap(([name, layer]) => [
    layer.registerForwardHook((_module, _inputs, output) => {
      activations[name] = output.detach().abs().mean().item()
    }),
    layer.registerFullBackwardHook((_module, _gradInput, [gradOutput]) => {
      gradients[name] = gradOutput!.norm().item()
    }),
  ])
  const hidden: number[] = []
  const x = randn(8, 4)
  const y = model.forward(x)
  y.retainGrad()
  first.weight.registerHook((g) => {
    hidden.push(g.abs().max().item())
  })
  y.pow(2).sum().backward()
  for (const handle of handles) handle.remove()
  model.forward(x)
  expectTorchs('hooks', { activations, gradients: Object.fromEntries(Object.entries(gradients).sort().reverse()), hidden, retained: y.grad!.norm().item() })
})
