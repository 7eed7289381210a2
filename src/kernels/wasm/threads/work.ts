import type { KernelName } from '../loader.js'

/** Nanoseconds that a block takes, as a number or by the kernel's arguments, in their order (see binary.ts). */
type Cost = number | ((a: readonly (number | boolean)[]) => number)

const product = (scale: number, ...places: number[]): Cost => {
  return (a) => places.reduce((cost, place) => cost * Number(a[place]), scale)
}

/** A product and a sum in the tiles of matrix product and convolution. */
const MAC = 0.045

const all = (cost: Cost, ...names: KernelName[]): Partial<Record<KernelName, Cost>> => Object.fromEntries(names.map((name) => [name, cost]))

/**
 * Measured on data in a second-level cache, one thread, and rounded: only the order of magnitude matters, as the estimates decide nothing but whether
 * a launch is worth another thread. What is not listed is simple arithmetic element by element, 4096 a block.
 */
const costs: Partial<Record<KernelName, Cost>> = {
  copyBytes: 1000,
  copy8: product(16, 2),
  copy16: product(16, 2),
  copy32: product(16, 2),
  copy64: product(16, 2),
  ...all(4000, 'exp', 'expm1', 'elu', 'eluBackward', 'where'),
  ...all(6000, 'log', 'log1p', 'tanh', 'sigmoid', 'silu', 'siluBackward', 'mish', 'mishBackward', 'geluTanh', 'geluTanhBackward'),
  ...all(7000, 'logSigmoidBackward', 'softplusBackward'),
  ...all(9000, 'erf', 'gelu', 'geluBackward'),
  ...all(23000, 'logSigmoid', 'softplus'),
  ...all(6000, 'adadelta', 'adagrad', 'adam', 'adamax', 'nadam', 'radam', 'rmsprop'),
  sgd: 2500,

  columnMoments: product(32, 3),
  combineMoments: product(5, 1),
  planeMoments: product(0.8, 2),
  affineColumns: product(10, 4),
  affinePlanes: product(0.3, 4),
  batchNormCoefficients: 5,
  batchNormFinish: 10,
  batchNormGradients: product(3, 1),
  columnSums: product(20, 5),
  gradColumns: product(15, 5),
  gradPlanes: product(0.5, 5),
  planeSums: product(0.5, 6),
  rowGrad: product(1, 8, 9, 10),
  rowNorm: product(1, 7),
  segmentedRowGrad: product(1, 7),
  sumPairs: product(2, 1),
  sumRows: product(1000, 1),

  combineSums: product(2, 2, 4),
  middleMax: product(8, 2),
  middleMin: product(8, 2),
  sumMiddle: product(8, 2),
  rowArgMax: product(0.5, 2),
  rowArgMin: product(0.5, 2),
  rowMax: product(0.3, 2),
  rowMin: product(0.3, 2),
  sumPieces: (a) => 0.3 * Math.min(Number(a[2]), Number(a[3])),
  bernoulli: product(1, 2),
  crossEntropy: product(1, 6),
  crossEntropyGrad: product(1, 8),
  softmaxRows: product(1.2, 2),
  softmaxMiddle: product(32, 2),
  softmaxGradRows: product(0.6, 3),
  softmaxGradMiddle: product(10, 3),

  attention: (a) => 64 * Number(a[2]) * (1 + MAC * (Number(a[3]) + Number(a[4]))),
  attentionGrad: (a) => Number(a[1]) * Number(a[2]) * Number(a[3]) * (2 + MAC * (3 * Number(a[4]) + 2 * Number(a[5]))),
  gemm: (a) => MAC * Math.min(Number(a[12]), Number(a[25])) * Math.min(Number(a[13]), 16 * Number(a[26])) * Number(a[14]) * Number(a[15]),
  gemmDot: product(4 * MAC, 9, 11),
  packPanels: product(5, 5),

  // Four gates for each of the outputs: products, and as much again for the pass over a row.
  recurrent: product(8 * MAC, 1, 2, 3, 4),
  recurrentGrad: product(8 * MAC, 1, 2, 3, 4),

  convPlanes: product(0.3, 8, 11),
  convTurnWeights: product(16, 1, 5),
  conv: product(128 * MAC, 11, 12),
  convWeightGrad: (a) => 16 * MAC * Math.min(Number(a[8]), 16) * Number(a[7]) * (Number(a[13]) + Number(a[15])),
  depthwise3x3: product(1, 8, 9),
  depthwisePadded: product(1, 6, 7),
  depthwise3x3WeightGrad: product(1, 6, 8, 9),
  depthwisePaddedWeightGrad: product(1, 4, 6, 7),
  winogradWeights: (a) => (20 * Number(a[1]) * Number(a[2])) / (a[3] ? Number(a[2]) : Number(a[1])),
  // Transforms, and 16 products for each tile, output and input channel.
  winogradConv: (a) => ((Number(a[18]) * Number(a[19])) / Number(a[20])) * (7 * (Number(a[6]) + Number(a[14])) + 16 * MAC * Number(a[6]) * Number(a[14])),
  winogradDots: (a) =>
    ((Number(a[18]) * Number(a[19])) / Number(a[20])) *
    (7 * (Number(a[6]) + Number(a[13]) / Number(a[14])) + (16 * MAC * Number(a[6]) * Number(a[13])) / Number(a[14])),
  winogradWeightGrad: 1500,
  maxPool: (a) => (Number(a[3]) * Number(a[4]) * Number(a[5])) / (Number(a[6]) * Number(a[7])),
  avgPool: (a) => (Number(a[2]) * Number(a[3]) * Number(a[4])) / (Number(a[5]) * Number(a[6])),
  avgPoolBackward: product(1.5, 2, 3, 4),
  responseGrad: (a) => 0.5 * Number(a[3]) * Math.min(Number(a[4]), 512),
  responseNorm: (a) => Number(a[3]) * Math.min(Number(a[4]), 512),
  responseTerms: 4500,
  selectSlices: product(0.1, 5),
  addSlices: (a) => 0.3 * Number(a[4]) * Math.min(Number(a[5]), 64),
  scatter: product(2, 4, 5),
  gather: product(1.5, 4, 5),
}

/** About how many nanoseconds one thread takes for all blocks. */
export function workOf(kernel: KernelName, blocks: number, args: readonly (number | boolean)[]): number {
  const cost = costs[kernel] ?? 700
  return blocks * (typeof cost === 'number' ? cost : cost(args))
}
