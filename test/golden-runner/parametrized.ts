import { nn, noGrad, Tensor } from '../../src/index.js'
import { attributeName } from '../../src/nn/names.js'
import { python } from './bindings.js'
import { check, compare, type Errors } from './compare.js'
import type { Family, GoldenCase } from './data.js'
import { checkRepr, checkState, construct, expectError, forward, loadStored, type Runner } from './kinds.js'

/** Kinds `parametrized` and `parametrized_steps`: a layer whose weight is computed by weightNorm or spectralNorm. */

const { parametrizations, spectralNorm, weightNorm } = nn.utils
const reparametrize: Readonly<Record<string, (module: nn.Module, options: Record<string, unknown>) => nn.Module>> = {
  'torch.nn.utils.parametrizations.weight_norm': (module, options) => parametrizations.weightNorm(module, 'weight', options),
  'torch.nn.utils.parametrizations.spectral_norm': (module, options) => parametrizations.spectralNorm(module, 'weight', options),
  'torch.nn.utils.weight_norm': (module, options) => weightNorm(module, 'weight', options),
  'torch.nn.utils.spectral_norm': (module, options) => spectralNorm(module, 'weight', options),
}

function parametrized(family: Family, c: GoldenCase, errors: Errors): nn.Module {
  const plain = construct(c)
  if (c.dtype === 'float64') plain.double()
  for (const [name, p] of plain.namedParameters()) {
    if (family.has(c, `plain.${name}`)) noGrad(() => p.detach().copy_(family.array(c, `plain.${name}`)))
  }
  const { name, kwargs } = c.parametrization ?? { name: '', kwargs: {} }
  check(name in reparametrize, `don't know ${name}`)
  const module = reparametrize[name](plain, Object.fromEntries(Object.entries(kwargs).map(([k, v]) => [attributeName(k), v])))
  checkRepr(c, module)
  checkState(module, c.state_dict)
  for (const [key, p] of module.namedParameters()) if (family.has(c, `initial.${key}`)) compare(family, c, `initial.${key}`, p, errors)
  loadStored(family, c, module)
  return module.train(c.mode !== 'eval')
}

const weightOf = (module: nn.Module): Tensor => {
  const weight: unknown = Reflect.get(module, 'weight')
  check(weight instanceof Tensor, 'there is no weight')
  return weight
}

export const runParametrized: Runner = (family, c, errors) => {
  const module = parametrized(family, c, errors)
  const input = family.array(c, 'input').requiresGrad_()
  const output = forward(module, [input]) as Tensor
  compare(family, c, 'output', output, errors)
  if (!family.has(c, 'upstream')) return
  const effective = weightOf(module)
  compare(family, c, 'effective_weight', effective, errors)
  output
    .mul(family.array(c, 'upstream'))
    .sum()
    .add(effective.mul(family.array(c, 'upstream.effective_weight')).sum())
    .backward()
  checkGradients(family, c, 'grad.', input, module, errors)
}

function checkGradients(family: Family, c: GoldenCase, prefix: string, input: Tensor, module: nn.Module, errors: Errors): void {
  for (const [name, t] of [['input', input] as const, ...module.namedParameters()]) {
    check(t.grad !== null, `${prefix}${name} is missing`)
    compare(family, c, prefix + name, t.grad, errors)
  }
}

/** Training steps, then one evaluation, each with an input of its own. */
export const runParametrizedSteps: Runner = (family, c, errors) => {
  const module = parametrized(family, c, errors)
  for (let i = 0; i <= c.steps; i++) {
    module.train(i < c.steps)
    module.zeroGrad()
    const input = family.array(c, `input${i}`).requiresGrad_()
    const output = forward(module, [input]) as Tensor
    compare(family, c, `output${i}`, output, errors)
    output
      .mul(family.array(c, `upstream.output${i}`))
      .sum()
      .backward()
    checkGradients(family, c, `grad${i}.`, input, module, errors)
    for (const [name, b] of module.namedBuffers()) compare(family, c, `buffer_after${i}.${name}`, b, errors)
  }
  compare(family, c, 'effective_weight_eval', weightOf(module), errors)
}

/** The data give no arguments for these: the message says what was wrong. */
const wrongArguments: Readonly<Record<string, (module: nn.Module) => unknown>> = {
  spectral_norm_zero_iterations: (module) => parametrizations.spectralNorm(module, 'weight', { nPowerIterations: 0 }),
  spectral_norm_bad_dim: (module) => parametrizations.spectralNorm(module, 'weight', { dim: 2 }),
  spectral_norm_no_such_parameter: (module) => parametrizations.spectralNorm(module, 'wait'),
  weight_norm_no_such_parameter: (module) => parametrizations.weightNorm(module, 'wait'),
}

export const runParametrizedError: Runner = (_, c) => {
  const provoke = wrongArguments[c.name]
  check(provoke !== undefined, `don't know how to provoke ${c.name}`)
  expectError(c, () => provoke(python('nn.Linear(2, 2)') as nn.Module))
}
