import { describe, expect, it, test } from 'vitest'
import { loadSafetensors, manualSeed, models, nn, noGrad, normSummary, randn, saveSafetensors } from '../../src/index.js'
import { diagnose } from '../../src/inspect/index.js'
import networks from './resnets-in-pytorch.json' with { type: 'json' }

/** 4 groups, as the other side has them; the name 'group' makes as many of 32 as divide the channels. */
const fourGroups = (channels: number) => new nn.GroupNorm(4, channels)
function options({ options: { block, layers, stem, norm, width } }: (typeof networks)[number]): models.ResNetOptions {
  const [a, b, c, d] = layers
  return {
    block: block as 'basic' | 'bottleneck',
    layers: [a, b, c, d],
    width,
    stem: stem as 'imagenet' | 'cifar',
    norm: norm === 'group' ? fourGroups : (norm as 'batch' | 'layer' | 'instance'),
    numClasses: 3,
  }
}

describe('ResNet', () => {
  test.each(networks)("$options.block with norm $options.norm: PyTorch's initial values, outputs and gradient from the same seed", (network) => {
    manualSeed(5)
    const model = new models.ResNet(options(network))
    const x = randn([4, 3, network.size, network.size]).double()
    model.double()
    expect(model.parameters().reduce((n, p) => n + p.numel(), 0)).toBe(network.parameters)
    const y = model.forward(x)
    y.square().sum().backward()
    const closeTo = (got: unknown, want: readonly number[][]) =>
      (got as number[][]).forEach((row, i) => {
        row.forEach((v, j) => {
          expect(v).toBeCloseTo(want[i][j], 9)
        })
      })
    closeTo(y.toArray(), network.train)
    expect((model.conv1.weight.grad?.norm().item() ?? 0) / network.gradNorm).toBeCloseTo(1, 9)
    model.eval()
    closeTo(noGrad(() => model.forward(x)).toArray(), network.eval)
  })

  it("has torchvision's sizes", () => {
    const count = (m: nn.Module) => m.parameters().reduce((n, p) => n + p.numel(), 0)
    expect(count(models.resnet50())).toBe(25_557_032)
    // He et al. 2016, table 6: 0.27 million for 20 layers.
    expect(count(models.resnet20())).toBe(272_474)
    expect(
      models
        .resnet34({ width: 2 })
        .modules()
        .filter((m) => m instanceof nn.Conv2d),
    ).toHaveLength(36)
  })

  it('has biases only without a norm, and the same keys for every norm with weight and bias', () => {
    const small = (norm: models.ImageNorm) => Object.keys(new models.ResNet({ layers: [1, 1, 0, 0], width: 4, norm }).stateDict())
    const withoutRunning = small('batch').filter((key) => !/running|tracked/.test(key))
    for (const norm of ['group', 'layer', 'instance'] as const) expect(small(norm)).toEqual(withoutRunning)
    const none = small('none')
    expect(none.filter((key) => key.includes('bn'))).toEqual([])
    expect(none).toContain('layer2.0.downsample.0.bias')
    expect(withoutRunning).not.toContain('layer2.0.downsample.0.bias')
  })

  it('is read by the tools: fuse, replaceNorm, normSummary, doctor', () => {
    manualSeed(1)
    const model = new models.ResNet({ layers: [1, 1, 0, 0], width: 4, stem: 'cifar', numClasses: 2 })
    for (let i = 0; i < 3; i++) noGrad(() => model.forward(randn([8, 3, 8, 8])))
    const { fused, model: folded, difference } = nn.utils.fuse(model)
    expect(fused.map(({ norm }) => norm)).toEqual(['bn1', 'layer1.0.bn1', 'layer1.0.bn2', 'layer2.0.bn1', 'layer2.0.bn2', 'layer2.0.downsample.1'])
    expect(difference).toBeLessThan(1e-5)
    expect(normSummary(folded).rows).toEqual([])

    expect(diagnose(loadSafetensors(saveSafetensors(model.stateDict()))).findings).toEqual([])
    expect(diagnose(new models.ResNet({ width: 4 }).stateDict()).findings.map(({ problem }) => problem)).toEqual(new Array(20).fill('never-trained'))

    const { replaced } = nn.utils.replaceNorm(model, nn.BatchNorm2d, (channels) => new models.LayerNorm2d(channels))
    expect(replaced).toHaveLength(6)
    expect(normSummary(model).rows.map((r) => r.layer)).toEqual(new Array(6).fill('LayerNorm2d'))
    expect(model.forward(randn([2, 3, 8, 8])).shape).toEqual([2, 2])
  })

  test.each<[models.ResNetOptions, string]>([
    [{ norm: 'bacth' as 'batch' }, "ResNet: unknown norm 'bacth'. Did you mean 'batch'? Known: batch, group, layer, instance, none"],
    [{ block: 'big' as 'basic' }, "ResNet: block must be 'basic' or 'bottleneck', got 'big'"],
    [{ stem: 'x' as 'cifar' }, "ResNet: stem must be 'imagenet' or 'cifar', got 'x'"],
    [{ layers: [1, 1, 1, 0.5] }, 'ResNet: layers must be four whole numbers, got 1,1,1,0.5'],
    [{ width: 0 }, 'ResNet: width must be a positive whole number, got 0'],
    [{ numClases: 3 } as models.ResNetOptions, "ResNet: got an unexpected option 'numClases'. Did you mean 'numClasses'?"],
  ])('%o: %s', (wrong, message) => {
    expect(() => new models.ResNet(wrong)).toThrow(message)
  })
})
