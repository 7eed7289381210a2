import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { equal, load, loadSafetensors, models, nn, noGrad, type Tensor } from '../../src/index.js'
import { check, compare, type Errors, largestError, Mismatch } from './compare.js'
import { type Family, type GoldenCase, valuesOf } from './data.js'
import { checkState, type Runner } from './kinds.js'

/** Kinds `network` and `keys`: residual networks, whose weights lie in checkpoints of both formats. */

const classes = (c: GoldenCase): number => c.keys_of_state_dict?.at(-1)?.[1][0] ?? 0

function resnet(c: GoldenCase): models.ResNet {
  const blocks = /blocks \[(\d), (\d), (\d), (\d)\]/.exec(c.architecture ?? '')
  const width = /first width (\d+)/.exec(c.architecture ?? '')
  check(blocks !== null && width !== null, `don't know the network '${c.architecture}'`)
  return new models.ResNet({
    layers: [Number(blocks[1]), Number(blocks[2]), Number(blocks[3]), Number(blocks[4])],
    width: Number(width[1]),
    numClasses: classes(c),
  })
}

function evaluate(family: Family, c: GoldenCase, model: models.ResNet, errors: Errors): void {
  const input = family.array(c, 'input')
  model.eval()
  noGrad(() => {
    compare(family, c, 'logits', model.forward(input), errors)
    const { model: fused, fused: pairs } = nn.utils.fuse(model, { input })
    check(pairs.length === model.modules().filter((m) => m instanceof nn.BatchNorm2d).length, `fuse found ${pairs.length} pairs`)
    compare(family, c, 'logits_fused', fused.forward(input), errors)
    for (const [name, p] of fused.namedParameters()) if (family.has(c, `fused.${name}`)) compare(family, c, `fused.${name}`, p, errors)
  })
}

function gradients(family: Family, c: GoldenCase, model: models.ResNet): { logits: Tensor; gradients: [string, Tensor][] } {
  const { dtype } = model.fc.weight
  model.zeroGrad()
  const logits = model.forward(family.array(c, 'input').to(dtype))
  logits.mul(family.array(c, 'train_upstream').to(dtype)).sum().backward()
  return {
    logits,
    gradients: model.namedParameters().flatMap(([name, p]): [string, Tensor][] => {
      const key = `train_grad.${name}`
      if (!family.has(c, key)) return []
      check(p.grad !== null, `${key} is missing`)
      return [[key, p.grad]]
    }),
  }
}

/** What the data's README allows where rounding rules a result: so many times PyTorch's own error against float64. */
const TIMES_STORED_ERROR = 4

/** A BatchNorm over three samples of one position makes gradients that float32 knows to a few digits: where one misses PyTorch's, float64 decides. */
function train(family: Family, c: GoldenCase, model: models.ResNet, errors: Errors): void {
  model.train()
  const exact = new Map(gradients(family, c, model.clone().double()).gradients)
  const { logits, gradients: got } = gradients(family, c, model)
  compare(family, c, 'train_logits', logits, errors)
  for (const [key, gradient] of got) {
    try {
      compare(family, c, key, gradient, errors)
    } catch (error) {
      const truth = exact.get(key)
      if (!(error instanceof Mismatch) || !truth) throw error
      const [ours, stored] = [gradient, family.array(c, key)].map((t) => largestError(valuesOf(t), valuesOf(truth)))
      if (ours > TIMES_STORED_ERROR * stored) throw error
      errors.closerThanStored.push(`${c.name}/${key}: ours is ${ours.toPrecision(3)} from the float64 result, the stored one ${stored.toPrecision(3)}`)
    }
  }
  for (const [name, b] of model.namedBuffers()) if (family.has(c, `train_buffer_after.${name}`)) compare(family, c, `train_buffer_after.${name}`, b, errors)
}

export const runNetwork: Runner = (family, c, errors) => {
  const model = resnet(c)
  checkState(model, c.keys_of_state_dict)
  const read = (file = '') => readFileSync(join(family.folder, file))
  const fromSafetensors = loadSafetensors(read(c.file_safetensors))
  const fromTorch = load(read(c.file))
  for (const [key, t] of Object.entries(fromTorch)) check(equal(t, fromSafetensors[key]), `${key} differs between the two files`)
  model.loadStateDict(fromTorch)
  evaluate(family, c, model, errors)
  train(family, c, model, errors)
}

export const runKeys: Runner = (_, c) => {
  check(c.name === 'torchvision_resnet18_keys', `don't know the network of ${c.name}`)
  checkState(models.resnet18({ numClasses: classes(c) }), c.keys_of_state_dict)
}
