import { it } from 'vitest'
import { full, grad, manualSeed, nn, onesLike, optim, rand, randn, type Tensor } from '../../src/index.js'
import { expectTorchs } from './torch.js'

it('WGAN-GP: the penalty on the gradient of a critic with LayerNorm', () => {
  manualSeed(4)
  const critic = new nn.Sequential(new nn.Linear(6, 16), new nn.LayerNorm(16), new nn.LeakyReLU(0.2), new nn.Linear(16, 1))
  const optimizer = new optim.Adam(critic.parameters(), 1e-3, { betas: [0, 0.9] })
  const steps: number[][] = []
  for (let i = 0; i < 3; i++) {
    const real = randn(8, 6)
    const fake = randn(8, 6).mul(2)
    const alpha = rand(real.size(0), 1)
    const mixed = alpha.mul(real).add(alpha.neg().add(1).mul(fake)).requiresGrad_(true)
    const scores = critic.forward(mixed)
    let [gradients] = grad(scores, mixed, { gradOutputs: onesLike(scores), createGraph: true, retainGraph: true })
    gradients = gradients.view(gradients.size(0), -1)
    const penalty = gradients.norm(2, { dim: 1 }).sub(1).pow(2).mean()
    const loss = critic.forward(fake).mean().sub(critic.forward(real).mean()).add(penalty.mul(10))
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
    steps.push([penalty.item(), loss.item()])
  }
  expectTorchs('gradient_penalty', { steps })
})

class Generator extends nn.Module {
  main: nn.Sequential

  constructor(nz = 8, ngf = 4) {
    super()
    this.main = new nn.Sequential(
      new nn.ConvTranspose2d(nz, ngf * 2, 4, 1, 0, { bias: false }),
      new nn.BatchNorm2d(ngf * 2),
      new nn.ReLU(true),
      new nn.ConvTranspose2d(ngf * 2, 1, 4, 2, 1, { bias: false }),
      new nn.Tanh(),
    )
  }

  override forward(x: Tensor): Tensor {
    return this.main.forward(x)
  }
}

class Discriminator extends nn.Module {
  main: nn.Sequential

  constructor(ndf = 4) {
    super()
    this.main = new nn.Sequential(
      new nn.Conv2d(1, ndf, 4, 2, 1, { bias: false }),
      new nn.LeakyReLU(0.2, { inplace: true }),
      new nn.Conv2d(ndf, ndf * 2, 4, 2, 1, { bias: false }),
      new nn.BatchNorm2d(ndf * 2),
      new nn.LeakyReLU(0.2, { inplace: true }),
      new nn.Conv2d(ndf * 2, 1, 2, 1, 0, { bias: false }),
      new nn.Sigmoid(),
    )
  }

  override forward(x: Tensor): Tensor {
    return this.main.forward(x).view(-1)
  }
}

function weightsInit(m: nn.Module): void {
  if (m instanceof nn.Conv2d || m instanceof nn.ConvTranspose2d) nn.init.normal_(m.weight, 0, 0.02)
  else if (m instanceof nn.BatchNorm2d) {
    nn.init.normal_(m.weight!, 1, 0.02)
    nn.init.constant_(m.bias!, 0)
  }
}

it('DCGAN: generator and discriminator in turns', () => {
  manualSeed(5)
  const netG = new Generator()
  const netD = new Discriminator()
  netG.apply(weightsInit)
  netD.apply(weightsInit)
  const criterion = new nn.BCELoss()
  const optimizerD = new optim.Adam(netD.parameters(), 2e-4, { betas: [0.5, 0.999] })
  const optimizerG = new optim.Adam(netG.parameters(), 2e-4, { betas: [0.5, 0.999] })
  const history: number[][] = []
  for (let i = 0; i < 3; i++) {
    netD.zeroGrad()
    const real = randn(6, 1, 8, 8).tanh()
    const label = full([6], 1)
    let output = netD.forward(real)
    const errReal = criterion.forward(output, label)
    errReal.backward()
    const noise = randn(6, 8, 1, 1)
    const fake = netG.forward(noise)
    label.fill_(0)
    output = netD.forward(fake.detach())
    const errFake = criterion.forward(output, label)
    errFake.backward()
    optimizerD.step()
    netG.zeroGrad()
    label.fill_(1)
    output = netD.forward(fake)
    const errG = criterion.forward(output, label)
    errG.backward()
    optimizerG.step()
    history.push([errReal.add(errFake).item(), errG.item(), output.mean().item()])
  }
  expectTorchs('dcgan', { history })
})
