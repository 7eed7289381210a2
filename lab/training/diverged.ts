import { type nn, observe, scope, summarize } from '../../src/index.js'

/** Where NaN or infinity came in: the first such parameter, else the first layer whose output is such. */
export function divergedAt(model: nn.Module, again: () => unknown): { layer: string; tensor: string } {
  const parameter = model.namedParameters().find(([, p]) => !Number.isFinite(summarize(p).norm))
  if (parameter) {
    const at = parameter[0].lastIndexOf('.')
    return { layer: parameter[0].slice(0, at), tensor: parameter[0].slice(at + 1) }
  }
  const probe = observe(model)
  scope(() => void again())
  probe.detach()
  const record = probe.records.find(({ activation }) => !Number.isFinite(activation.norm))
  return record ? { layer: record.layer, tensor: 'output' } : { layer: 'the loss', tensor: 'value' }
}
