/**
 * What a convolution reads and writes along one axis, so that neither padding nor stride is left for the kernels to look at: the image is
 * copied into planes (assembly/conv.ts) whose axes these are.
 */

/** Copies of one axis of an image in which output i finds the element for tap k at i + shift, whatever stride and padding are. */
export interface PlaneAxis {
  /** The input's position for each position of the planes, or -1 for a zero. */
  readonly sources: Int32Array
  /** The input's positions between neighbours of the planes. */
  readonly step: number
  /** What one or more passes write; together every output position once. */
  readonly passes: readonly AxisPass[]
}

/** Outputs start, start + step, ... (count of them) and, for each tap that they have, its index in the kernel and its shift. */
export interface AxisPass {
  readonly start: number
  readonly step: number
  readonly count: number
  readonly taps: readonly number[]
  readonly shifts: readonly number[]
}

export function forwardAxis(input: number, kernel: number, output: number, stride: number, padding: number, dilation: number): PlaneAxis {
  const taps = Array.from({ length: kernel }, (_, k) => k)
  // Taps whose offsets leave the same remainder by the stride read the same elements of the input: each remainder gets a stretch of its own.
  const remainders = [...new Set(taps.map((k) => (k * dilation) % stride))]
  const length = output + Math.floor(((kernel - 1) * dilation) / stride)
  const sources = new Int32Array(remainders.length * length)
  remainders.forEach((remainder, r) => {
    for (let i = 0; i < length; i++) {
      const source = i * stride + remainder - padding
      sources[r * length + i] = source >= 0 && source < input ? source : -1
    }
  })
  const shifts = taps.map((k) => remainders.indexOf((k * dilation) % stride) * length + Math.floor((k * dilation) / stride))
  return { sources, step: stride, passes: [{ start: 0, step: 1, count: output, taps, shifts }] }
}

/** x[q] took part in y[p] under tap k where p stride = q + padding - k dilation: for each remainder of q by the stride, another set of taps. */
export function gradientAxis(output: number, kernel: number, input: number, stride: number, padding: number, dilation: number): PlaneAxis {
  const passes: { start: number; step: number; count: number; taps: number[]; shifts: number[] }[] = []
  for (let start = 0; start < Math.min(stride, input); start++) {
    // The last tap reads furthest ahead: in this order shifts ascend, as in the forward pass.
    const taps = Array.from({ length: kernel }, (_, k) => kernel - 1 - k).filter((k) => (start + padding - k * dilation) % stride === 0)
    const shifts = taps.map((k) => (start + padding - k * dilation) / stride)
    passes.push({ start, step: stride, count: Math.ceil((input - start) / stride), taps, shifts })
  }
  const lead = -Math.min(...passes.flatMap((pass) => pass.shifts))
  const length = Math.max(0, ...passes.flatMap((pass) => pass.shifts.map((shift) => shift + lead + pass.count)))
  const sources = Int32Array.from({ length }, (_, i) => (i - lead >= 0 && i - lead < output ? i - lead : -1))
  for (const pass of passes) pass.shifts = pass.shifts.map((shift) => shift + lead)
  return { sources, step: 1, passes }
}

/** Stretches of a row that are copied from evenly spaced elements: (from, to, source, 0) each. */
export function runsOf({ sources, step }: PlaneAxis): number[] {
  const runs: number[] = []
  for (let i = 0; i < sources.length; i++) {
    if (sources[i] < 0) continue
    if (i > 0 && sources[i - 1] >= 0 && sources[i] === sources[i - 1] + step) runs[runs.length - 3]++
    else runs.push(i, i + 1, sources[i], 0)
  }
  return runs
}
