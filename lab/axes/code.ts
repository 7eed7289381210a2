import { normCode } from '../../src/experiments/norms.js'
import type { Code } from '../parts/code-pane.js'
import { channelsFirst } from './block.js'
import type { AxesSettings } from './settings.js'

const letters = { image: '(N, C, H, W)', sequence: '(N, L, C)', table: '(N, C)' }

/** The lines that make what is on the screen, in PyTorch and in Evenkeel. */
export function axesCode(settings: AxesSettings, shape: readonly number[]): Code {
  const { norm, input, groups, trailing } = settings
  const transposed = channelsFirst(settings)
  const seen = transposed ? [shape[0], shape[2], shape[1]] : shape
  const { pytorch, evenkeel } = normCode(norm, seen, { groups, normalizedAxes: trailing })
  const around = (call: string) => (transposed ? `${call}(x.transpose(1, 2)).transpose(1, 2)` : `${call}(x)`)
  const why = 'channels come second: (N, C, L)'
  return {
    torch: [
      'import torch',
      'from torch import nn',
      '',
      `x = torch.randn(${shape.join(', ')})  # ${letters[input]}`,
      `norm = ${pytorch}`,
      `y = ${around('norm')}${transposed ? `  # ${why}` : ''}`,
    ].join('\n'),
    evenkeel: [
      "import { nn, randn } from 'evenkeel'",
      '',
      `const x = randn([${shape.join(', ')}]) // ${letters[input]}`,
      `const norm = ${evenkeel}`,
      `const y = ${around('norm.forward')}${transposed ? ` // ${why}` : ''}`,
    ].join('\n'),
  }
}
