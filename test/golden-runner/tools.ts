import { nn, noGrad, optim, type Tensor } from '../../src/index.js'
import { check, compare, type Errors } from './compare.js'
import type { Family, GoldenCase } from './data.js'
import { checkRepr, checkState, expectError, forward, loadStored, type Runner } from './kinds.js'
import { moduleFromPrint } from './printed.js'

/** The kinds of the family `tools`: what is done to whole models. */

const { AveragedModel, getEmaAvgFn, updateBn } = optim.swaUtils

/** The model that a case prints, with its stored parameters and buffers. */
function printedModel(family: Family, c: GoldenCase, printed = c.repr): nn.Module {
  check(printed !== undefined, 'the case prints no model')
  const model = moduleFromPrint(printed)
  loadStored(family, c, model)
  check(String(model) === printed, `prints as ${model}, expected ${printed}`)
  return model.train(c.training ?? true)
}

function compareBuffers(family: Family, c: GoldenCase, model: nn.Module, prefix: string, errors: Errors): void {
  for (const [name, b] of model.namedBuffers()) compare(family, c, prefix + name, b, errors)
}

const evaluate = (model: nn.Module, x: Tensor): Tensor => noGrad(() => forward(model.eval(), [x]) as Tensor)

export const runUpdateBn: Runner = (family, c, errors) => {
  const model = printedModel(family, c)
  const momenta = () => model.modules().flatMap((m) => (m instanceof nn.BatchNorm2d ? [m.momentum] : []))
  const batches = c.keys.filter((k) => k.startsWith('batch')).map((k) => family.array(c, k))
  updateBn(batches, model)
  check(model.training === c.after?.training, `training is ${model.training}`)
  check(JSON.stringify(momenta()) === JSON.stringify(c.after?.momentum), `momentum is ${momenta()}`)
  compareBuffers(family, c, model, 'buffer_after.', errors)
  compare(family, c, 'eval_output_after', evaluate(model, batches[0]), errors)
}

export const runFuse: Runner = (family, c, errors) => {
  const model = printedModel(family, c)
  const [layer, norm] = model.children()
  const input = family.array(c, 'input')
  compare(family, c, 'output', evaluate(model, input), errors)
  check(norm instanceof nn.BatchNorm1d || norm instanceof nn.BatchNorm2d || norm instanceof nn.BatchNorm3d, `${norm} is no BatchNorm`)
  const fused = layer instanceof nn.Linear ? nn.utils.fuseLinearBn(layer, norm) : nn.utils.fuseConvBn(layer as nn.Conv2d, norm)
  checkRepr(c, fused, c.fused_repr)
  for (const [name, p] of fused.namedParameters()) compare(family, c, `fused.${name}`, p, errors)
  compare(family, c, 'output_fused', evaluate(fused, input), errors)
  const whole = nn.utils.fuse(model, { input })
  check(whole.fused.length === 1, `fuse found ${whole.fused.length} pairs`)
  compare(family, c, 'output_fused', evaluate(whole.model, input), errors)
}

/** The data say which of these failed by the case's name. */
export const runFuseError: Runner = (_, c) => {
  const conv = new nn.Conv2d(1, 2, 1)
  const norm = new nn.BatchNorm2d(2, { trackRunningStats: c.name !== 'fuse_no_running_stats' })
  if (c.name === 'fuse_no_running_stats') {
    conv.eval()
    norm.eval()
  }
  expectError(c, () => nn.utils.fuseConvBn(conv, norm))
}

export const runConvert: Runner = (family, c, errors) => {
  const model = printedModel(family, c, c.repr_before)
  const state = Object.entries(model.stateDict()).map(([key, t]) => [key, t.toArray()])
  const converted = nn.SyncBatchNorm.convertSyncBatchNorm(model)
  checkRepr(c, converted)
  checkState(converted, c.state_dict)
  const text = (value: unknown) => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v))
  check(text(Object.entries(converted.stateDict()).map(([key, t]) => [key, t.toArray()])) === text(state), 'converting changed the state dict')
  compare(family, c, 'eval_output', evaluate(converted, family.array(c, 'input')), errors)
  nn.SyncBatchNorm.revertSyncBatchNorm(converted)
  check(String(converted) === c.repr_before, `the way back gives ${converted}`)
}

export const runWalk: Runner = (family, c) => {
  const model = printedModel(family, c)
  checkState(model, c.state_dict)
  const applied: string[] = []
  model.apply((m) => applied.push(m.constructor.name))
  const got = {
    named_modules: model.namedModules().map(([name, m]) => [name, m.constructor.name]),
    named_parameters: model.namedParameters().map(([name]) => name),
    named_buffers: model.namedBuffers().map(([name]) => name),
    apply_order: applied,
  }
  for (const [name, list] of Object.entries(got)) {
    const want: unknown = Reflect.get(c, name)
    check(JSON.stringify(list) === JSON.stringify(want), `${name} is ${JSON.stringify(list)}, expected ${JSON.stringify(want)}`)
  }
}

/** What the cases of averaged models don't print: a linear layer and a norm. */
function linearAndNorm(family: Family, c: GoldenCase): nn.Module {
  const [out, inputs] = family.array(c, 'param.0.weight').shape
  const model = new nn.Sequential(new nn.Linear(inputs, out), new nn.BatchNorm1d(out))
  loadStored(family, c, model)
  return model
}

export const runAveraged: Runner = (family, c, errors) => {
  const { use_buffers: useBuffers, decay } = c.init?.kwargs ?? {}
  const model = linearAndNorm(family, c)
  const averaged = new AveragedModel(model, { useBuffers: useBuffers === true, avgFn: typeof decay === 'number' ? getEmaAvgFn(decay) : undefined })
  for (let i = 0; i < c.steps; i++) {
    for (const [name, t] of [...model.namedParameters(), ...model.namedBuffers()]) noGrad(() => t.detach().copy_(family.array(c, `model${i}.${name}`)))
    averaged.updateParameters(model)
    for (const [key, t] of Object.entries(averaged.stateDict())) compare(family, c, `averaged${i}.${key}`, t, errors)
  }
}

export const runVector: Runner = (family, c, errors) => {
  // The order of modules and of their parameters is that of the stored keys.
  const stored = c.keys.filter((k) => k.startsWith('param.')).map((k) => family.array(c, k))
  const vector = nn.utils.parametersToVector(stored)
  compare(family, c, 'vector', vector, errors)
  const copies = stored.map((t) => t.clone().zero_())
  nn.utils.vectorToParameters(vector, copies)
  for (const [i, key] of c.keys.filter((k) => k.startsWith('param.')).entries()) compare(family, c, key, copies[i], errors)
}
