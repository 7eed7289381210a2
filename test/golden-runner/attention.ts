import { type Dtype, nn, noGrad, type Tensor } from '../../src/index.js'
import { call } from './bindings.js'
import { check, compare } from './compare.js'
import type { Call } from './data.js'
import { checkModule, construct, loadStored, type Runner } from './kinds.js'

/** Kind `composed`: modules whose arguments are modules. */

type Stack = {
  layer: Call
  num_layers: number
  norm: boolean
}

function encoder({ layer, num_layers, norm }: Stack): nn.TransformerEncoder {
  const one = call('torch.nn.TransformerEncoderLayer', layer.args, layer.kwargs)
  check(one instanceof nn.TransformerEncoderLayer, 'made no layer')
  return new nn.TransformerEncoder(one, num_layers, norm ? new nn.LayerNorm(8) : null, { enableNestedTensor: false })
}

export const runComposedTransformer: Runner = (family, c, errors) => {
  if (c.init) {
    const module = c.target === 'torch.nn.Transformer' ? construct(c) : encoder(c.init.kwargs as Stack)
    checkModule(family, c, errors, module.to(c.dtype as Dtype))
  } else {
    // PyTorch's fused path zeros padded positions; ours computes them, as its ordinary path does.
    const expected =
      'TransformerEncoder(TransformerEncoderLayer(8, 2, dim_feedforward=12, dropout=0.0, batch_first=True), 2) in eval mode, src_key_padding_mask=p'
    check(c.recipe === expected, `don't know the recipe '${c.recipe}'`)
    const module = encoder({ layer: { args: [8, 2], kwargs: { dim_feedforward: 12, dropout: 0, batch_first: true } }, num_layers: 2, norm: false })
    loadStored(family, c, module)
    module.eval()
    const [src, srcKeyPaddingMask] = ['src', 'p'].map((key) => family.array(c, key)) as [Tensor, Tensor]
    compare(
      family,
      c,
      'output_ordinary_path',
      noGrad(() => module.forward(src, { srcKeyPaddingMask })),
      errors,
    )
  }
}
