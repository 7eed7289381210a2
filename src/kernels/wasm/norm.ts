import type { Epilogue, Kernels, RowNormGeometry, RunningStatistics, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { applyEpilogue } from '../reference/norm.js'
import { withContiguous } from './copy.js'
import { elementwise } from './elementwise.js'
import { activationCode } from './epilogue.js'
import { launch, withScratch } from './launch.js'
import { address, blocksOf, isContiguousFloat32, isContiguousFloat64, isFloat32 } from './views.js'

/** Rows of a block where channels lie next to each other. */
const ROWS = 32
const COLUMNS = 1024

/** What the kernels take as parameters and statistics; null is address 0. */
const isParameter = (x: View | null): boolean => x === null || isContiguousFloat32(x)
const isStatistic = (x: View | null): boolean => x === null || isContiguousFloat64(x)
const addressOf = (x: View | null, bytes = 4): number => (x === null ? 0 : address(x, bytes))

/** An epilogue as the kernels take it. */
type EpilogueArguments = readonly [residual: number, activation: number, p: number, q: number, r: number]
const noEpilogue: EpilogueArguments = [0, 0, 0, 0, 0]

/** Calls `run` with the epilogue for its kernels; what these don't have is done afterwards. */
function withEpilogue(y: View, epilogue: Epilogue | undefined, run: (epilogue: EpilogueArguments) => void): void {
  if (!epilogue) return run(noEpilogue)
  const { residual, activation, params } = epilogue
  const code = activation === null ? 0 : activationCode(activation)
  if (isParameter(residual) && (activation === null || code > 0)) return run([addressOf(residual), code, params[0] ?? 0, params[1] ?? 0, params[2] ?? 0])
  run(noEpilogue)
  applyEpilogue(elementwise, y, epilogue)
}

/** x [N, C, L] as the kernels see it: planes of L, or rows of C channels where L is 1. Both give parts of equal size but for the last. */
export interface Channels {
  readonly channels: number
  readonly size: number
  /** Elements of a channel. */
  readonly count: number
  readonly rows: number
  readonly parts: number
  readonly partSize: number
  readonly lastSize: number
}

export function channelsOf(n: number, channels: number, size: number): Channels {
  const count = n * size
  if (size > 1) return { channels, size, count, rows: n, parts: n, partSize: size, lastSize: size }
  const parts = Math.ceil(n / ROWS)
  return { channels, size, count, rows: n, parts, partSize: ROWS, lastSize: n - (parts - 1) * ROWS }
}

/** Mean and biased variance of each channel, float64, contiguous. `parts` has 16 bytes for each part and channel. */
export function launchMoments(x: number, c: Channels, parts: number, mean: number, variance: number): void {
  if (c.size > 1) launch('planeMoments', c.rows * c.channels, x, parts, c.size)
  else launch('columnMoments', c.parts, x, parts, c.rows, c.channels)
  launch('combineMoments', c.channels, parts, c.parts, c.channels, c.partSize, c.lastSize, mean, variance)
}

const shapeOf = (x: View): Channels => channelsOf(x.shape[0], x.shape[1], x.shape[2])

/** y = (x - high) scale + shift by channel. */
function launchAffine(x: number, y: number, coefficients: number, c: Channels, epilogue = noEpilogue): void {
  if (c.size > 1) launch('affinePlanes', c.rows * c.channels, x, y, coefficients, c.channels, c.size, ...epilogue)
  else launch('affineColumns', c.parts, x, y, coefficients, c.rows, c.channels, ...epilogue)
}

function batchNorm(
  x: View,
  weight: View | null,
  bias: View | null,
  running: RunningStatistics,
  eps: number,
  y: View,
  mean: View,
  rstd: View,
  epilogue?: Epilogue,
): void {
  const c = shapeOf(x)
  const parameters = [weight, bias, running.mean, running.variance]
  if (!isFloat32(x) || !isContiguousFloat32(y) || !parameters.every(isParameter) || !isStatistic(mean) || !isStatistic(rstd) || c.count === 0) {
    return reference.batchNorm(x, weight, bias, running, eps, y, mean, rstd, epilogue)
  }
  const { channels } = c
  withContiguous('batchNorm', x, (px) =>
    withScratch('batchNorm', (c.parts + 1) * channels * 16, (scratch) => {
      const variance = scratch + c.parts * channels * 16
      const means = address(mean, 8)
      const rstds = address(rstd, 8)
      launchMoments(px, c, scratch, means, variance)
      launch('batchNormFinish', channels, means, variance, rstds, eps, c.count, addressOf(running.mean), addressOf(running.variance), running.momentum)
      launch('batchNormCoefficients', channels, means, rstds, addressOf(weight), addressOf(bias), scratch, channels)
      withEpilogue(y, epilogue, (end) => launchAffine(px, address(y), scratch, c, end))
    }),
  )
}

function batchNormInference(x: View, weight: View | null, bias: View | null, mean: View, rstd: View, y: View, epilogue?: Epilogue): void {
  const c = shapeOf(x)
  const statistics = [mean, rstd]
  const known = statistics.every((s) => isContiguousFloat32(s) || isContiguousFloat64(s))
  if (!isFloat32(x) || !isContiguousFloat32(y) || !isParameter(weight) || !isParameter(bias) || !known || c.count === 0) {
    return reference.batchNormInference(x, weight, bias, mean, rstd, y, epilogue)
  }
  const { channels } = c
  withContiguous('batchNormInference', x, (px) =>
    withScratch('batchNormInference', channels * 32, (scratch) => {
      const [means, rstds] = statistics.map((s, i) => {
        if (s.dtype === 'float64') return address(s, 8)
        const wide = scratch + i * channels * 8
        launch('float32ToFloat64', blocksOf(channels), address(s), wide, channels)
        return wide
      })
      const coefficients = scratch + channels * 16
      launch('batchNormCoefficients', channels, means, rstds, addressOf(weight), addressOf(bias), coefficients, channels)
      withEpilogue(y, epilogue, (end) => launchAffine(px, address(y), coefficients, c, end))
    }),
  )
}

function batchNormBackward(
  dy: View,
  x: View,
  weight: View | null,
  mean: View,
  rstd: View,
  training: boolean,
  dx: View | null,
  dweight: View | null,
  dbias: View | null,
): void {
  const c = shapeOf(x)
  if (!isFloat32(x) || !isFloat32(dy) || ![weight, dx, dweight, dbias].every(isParameter) || !isStatistic(mean) || !isStatistic(rstd) || c.count === 0) {
    return reference.batchNormBackward(dy, x, weight, mean, rstd, training, dx, dweight, dbias)
  }
  const { channels, rows, size } = c
  const means = address(mean, 8)
  const rstds = address(rstd, 8)
  withContiguous('batchNormBackward', dy, (pdy) =>
    withContiguous('batchNormBackward', x, (px) =>
      withScratch('batchNormBackward', channels * (c.parts * 16 + 20), (parts) => {
        const coefficients = parts + c.parts * channels * 16
        if (size > 1) launch('planeSums', rows * channels, pdy, px, means, rstds, parts, channels, size)
        else {
          launch('batchNormCoefficients', channels, means, rstds, 0, 0, coefficients, channels)
          launch('columnSums', c.parts, pdy, px, coefficients, parts, rows, channels)
        }
        launch(
          'batchNormGradients',
          channels,
          parts,
          c.parts,
          channels,
          c.count,
          means,
          rstds,
          addressOf(weight),
          training ? 1 : 0,
          addressOf(dweight),
          addressOf(dbias),
          dx ? coefficients : 0,
        )
        if (!dx) return
        if (!training) launchAffine(pdy, address(dx), coefficients, c)
        else if (size > 1) launch('gradPlanes', rows * channels, pdy, px, address(dx), coefficients, channels, size)
        else launch('gradColumns', c.parts, pdy, px, address(dx), coefficients, rows, channels)
      }),
    ),
  )
}

/** Whether the kernels take these; the input may have any strides. */
const isRowNorm = (x: View, weight: View | null, bias: View | null, { rows, size }: RowNormGeometry, y: View, mean: View | null, rstd: View): boolean =>
  isFloat32(x) && isContiguousFloat32(y) && isParameter(weight) && isParameter(bias) && isStatistic(mean) && isStatistic(rstd) && rows * size > 0

function rowNorm(
  x: View,
  weight: View | null,
  bias: View | null,
  geometry: RowNormGeometry,
  eps: number,
  y: View,
  mean: View | null,
  rstd: View,
  epilogue?: Epilogue,
): void {
  if (!isRowNorm(x, weight, bias, geometry, y, mean, rstd)) return reference.rowNorm(x, weight, bias, geometry, eps, y, mean, rstd, epilogue)
  launchRowNorm(x, weight, bias, geometry, eps, y, mean, rstd, false, epilogue)
}

function rowNormGiven(
  x: View,
  weight: View | null,
  bias: View | null,
  geometry: RowNormGeometry,
  mean: View | null,
  rstd: View,
  y: View,
  epilogue?: Epilogue,
): void {
  if (!isRowNorm(x, weight, bias, geometry, y, mean, rstd)) return reference.rowNormGiven(x, weight, bias, geometry, mean, rstd, y, epilogue)
  launchRowNorm(x, weight, bias, geometry, 0, y, mean, rstd, true, epilogue)
}

function launchRowNorm(
  x: View,
  weight: View | null,
  bias: View | null,
  { rows, size, groups, run, lenient }: RowNormGeometry,
  eps: number,
  y: View,
  mean: View | null,
  rstd: View,
  given: boolean,
  epilogue: Epilogue | undefined,
): void {
  const parameters = [addressOf(weight), addressOf(bias), addressOf(mean, 8), address(rstd, 8)] as const
  withContiguous('rowNorm', x, (px) =>
    withEpilogue(y, epilogue, (end) => launch('rowNorm', rows, px, address(y), ...parameters, eps, size, groups, run, lenient ? 1 : 0, given ? 1 : 0, ...end)),
  )
}

function rowNormBackward(
  dy: View,
  x: View,
  weight: View | null,
  geometry: RowNormGeometry,
  mean: View | null,
  rstd: View,
  dx: View | null,
  dweight: View | null,
  dbias: View | null,
): void {
  const { rows, size, groups, run } = geometry
  const isKnown = isFloat32(x) && isFloat32(dy) && [weight, dx, dweight, dbias].every(isParameter) && isStatistic(mean) && isStatistic(rstd)
  if (!isKnown || rows * size === 0) return reference.rowNormBackward(dy, x, weight, geometry, mean, rstd, dx, dweight, dbias)
  const statistics = [addressOf(mean, 8), address(rstd, 8)] as const
  withContiguous('rowNormBackward', dy, (pdy) =>
    withContiguous('rowNormBackward', x, (px) => {
      if (run === 1) {
        const wanted = dweight !== null || dbias !== null
        const samples = rows / groups
        const width = groups * size
        // At most 16 blocks where samples are few, so that there is work for threads; at most 32 of them, the longest float32 sum.
        const blockSamples = Math.min(Math.max(Math.ceil(samples / 16), 8), 32)
        const blocks = Math.ceil(samples / blockSamples)
        withScratch('rowNormBackward', wanted ? blocks * width * 8 : 0, (parts) => {
          launch('rowGrad', blocks, pdy, px, addressOf(dx), addressOf(weight), ...statistics, wanted ? parts : 0, samples, size, groups, blockSamples)
          if (wanted) launch('sumRows', Math.ceil(width / COLUMNS), parts, blocks, width, addressOf(dweight), addressOf(dbias))
        })
      } else {
        const segments = size / run
        withScratch('rowNormBackward', rows * segments * 16, (parts) => {
          launch('segmentedRowGrad', rows, pdy, px, addressOf(dx), addressOf(weight), ...statistics, parts, size, groups, run)
          const parameters = groups * segments
          if (dweight || dbias) launch('sumPairs', parameters, parts, (rows * segments) / parameters, parameters, addressOf(dweight), addressOf(dbias))
        })
      }
    }),
  )
}

export const norms = { batchNorm, batchNormInference, batchNormBackward, rowNorm, rowNormGiven, rowNormBackward } satisfies Partial<Kernels>
