import { describe, expect, it } from 'vitest'
import { AttributeError, nn, noGrad, randn, type Tensor, ValueError } from '../../src/index.js'

class Net extends nn.Module {
  conv = new nn.Conv2d(1, 2, 3, { padding: 1, paddingMode: 'circular' })
  norm = new nn.BatchNorm2d(2)
  tail = new nn.Sequential(this.norm, new nn.ReLU())
  list = [this.conv]
  activation = (x: Tensor) => x.tanh()
  override forward(x: Tensor): Tensor {
    return this.tail.forward(this.activation(this.conv.forward(x)))
  }
}

describe('clone', () => {
  it('has tensors of its own, shares what was shared, and computes the same', () => {
    const net = new Net()
    net.registerBuffer('mask', randn([2]), false)
    const copy = net.clone()
    const x = randn([2, 1, 4, 4])
    expect(copy).toBeInstanceOf(Net)
    expect(copy.forward(x).toArray()).toEqual(net.forward(x).toArray())
    expect(copy.tail.at(0)).toBe(copy.norm)
    expect(copy.list[0]).toBe(copy.conv)
    expect(copy.conv).not.toBe(net.conv)
    expect(Object.keys(copy.stateDict())).toEqual(Object.keys(net.stateDict()))
    expect(Object.keys(copy.stateDict())).not.toContain('mask')
    noGrad(() => copy.parameters().forEach((p) => void p.zero_()))
    expect(net.conv.weight.abs().sum().item()).toBeGreaterThan(0)
  })

  it('carries mode and requiresGrad, and no hooks or gradients', () => {
    const net = new Net().eval()
    net.conv.requiresGrad_(false)
    let calls = 0
    net.registerForwardHook(() => void calls++)
    net
      .forward(randn([2, 1, 4, 4]))
      .sum()
      .backward()
    const copy = net.clone()
    copy.forward(randn([2, 1, 4, 4]))
    expect(calls).toBe(1)
    expect(copy.training).toBe(false)
    expect(copy.conv.weight.requiresGrad).toBe(false)
    expect(net.norm.bias?.grad).not.toBeNull()
    expect(copy.norm.bias?.grad).toBeNull()
  })

  it('every layer with state works after copying', () => {
    const x = randn([2, 2, 4, 4])
    const layers: nn.Layer[] = [
      new nn.Conv2d(2, 3, 3, { padding: 'same', paddingMode: 'reflect' }),
      new nn.ConvTranspose2d(2, 3, 2),
      new nn.InstanceNorm2d(5),
      new nn.GroupNorm(2, 2),
      new nn.LazyBatchNorm2d(),
      new nn.Dropout({ p: 0.5 }),
    ]
    for (const layer of layers) expect(layer.clone().forward(x).shape[0]).toBe(2)
  })

  it('refuses a forward that may belong to the original', () => {
    class Arrow extends nn.Module {
      fc = new nn.Linear(2, 2)
      override forward = (x: Tensor) => this.fc.forward(x)
    }
    expect(() => new Arrow().clone()).toThrow("Arrow can't be copied: its forward is an attribute that may refer to the original; make it a method")
  })
})

describe('getSubmodule and setSubmodule', () => {
  it('follow the names of the state dict', () => {
    const net = new Net()
    expect(net.getSubmodule('')).toBe(net)
    expect(net.getSubmodule('tail.1')).toBeInstanceOf(nn.ReLU)
    net.setSubmodule('tail.1', new nn.Identity())
    expect(net.tail.at(1)).toBeInstanceOf(nn.Identity)
    net.setSubmodule('conv', new nn.Conv2d(1, 4, 1))
    expect(net.conv.outChannels).toBe(4)
  })

  it('say what is missing', () => {
    const net = new Net()
    expect(() => net.getSubmodule('tail.7')).toThrow(new AttributeError('Sequential has no attribute `7`'))
    expect(() => net.setSubmodule('head', new nn.Identity())).toThrow(new AttributeError('Net has no attribute `head`'))
    expect(() => net.setSubmodule('', new nn.Identity())).toThrow(new ValueError('Cannot set the submodule without a target name!'))
  })
})
