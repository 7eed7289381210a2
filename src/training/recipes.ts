import { ValueError } from '../core/errors.js'
import type { Norm } from '../experiments/norms.js'
import { type CharCell, CharLM, charNormNames, GPT, resnet20, ViT } from '../models/index.js'
import type { Layer } from '../nn/containers.js'
import type { DataForm } from './data.js'

/** A network that can be trained by `evenkeel train`: what it learns from, and settings that suit it. */
export interface Recipe<N extends Norm = Norm> {
  /** As it is called in text. */
  label: string
  data: 'text' | 'images'
  norms: readonly N[]
  defaults: { norm: N; steps: number; batchSize: number; lr: number; context: number }
  /** @param cell of the character model; the others have none */
  make(norm: N, form: DataForm, cell: CharCell): Layer
}

/** Infers the norms that a recipe takes, for its own `make`; settings are checked against `norms` before they come there. */
const recipe = <N extends Norm>(recipe: Recipe<N>): Recipe => recipe

/** A side that divides the image's into at most 8 patches: 4 of 28. */
function patchOf(size: number): number {
  for (let patch = Math.ceil(size / 8); ; patch++) if (size % patch === 0) return patch
}

export type ModelName = 'charlm' | 'gpt' | 'vit' | 'resnet'

export const recipes: Readonly<Record<ModelName, Recipe>> = {
  charlm: recipe({
    label: 'a recurrent character model',
    data: 'text',
    norms: charNormNames,
    defaults: { norm: 'none', steps: 1000, batchSize: 32, lr: 4e-3, context: 64 },
    make: (norm, { classes }, cell) => new CharLM({ vocabSize: classes, cell, norm, nEmbd: 64, hiddenSize: 256 }),
  }),
  gpt: recipe({
    label: 'a small GPT',
    data: 'text',
    norms: ['layer', 'rms', 'none'],
    defaults: { norm: 'layer', steps: 1000, batchSize: 32, lr: 2e-3, context: 64 },
    make: (norm, { classes, context }) => new GPT({ vocabSize: classes, blockSize: context ?? 1, norm, nLayer: 3, nHead: 4, nEmbd: 96 }),
  }),
  vit: recipe({
    label: 'a small vision transformer',
    data: 'images',
    norms: ['layer', 'rms', 'batch', 'none'],
    defaults: { norm: 'layer', steps: 500, batchSize: 32, lr: 1e-3, context: 1 },
    make: (norm, { classes, image }) => {
      const [inChannels, height, width] = image ?? [1, 28, 28]
      if (height !== width) throw new ValueError(`vit needs square images, got ${width} x ${height}`)
      return new ViT({ norm, imageSize: height, patchSize: patchOf(height), numLayers: 4, numHeads: 4, hiddenDim: 64, inChannels, numClasses: classes })
    },
  }),
  resnet: recipe({
    label: 'a small ResNet',
    data: 'images',
    norms: ['batch', 'group', 'layer', 'instance', 'none'],
    defaults: { norm: 'batch', steps: 500, batchSize: 32, lr: 2e-3, context: 1 },
    make: (norm, { classes, image }) => resnet20({ layers: [1, 1, 1, 0], norm, inChannels: image?.[0], numClasses: classes }),
  }),
}
