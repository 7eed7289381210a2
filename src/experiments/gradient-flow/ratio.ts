import type { Result } from '../experiment.js'
import type { settings } from './experiment.js'
import type { FlowLayer, GradientFlowConfig, GradientFlowRun } from './run.js'

export type FlowResult = Result<typeof settings, GradientFlowRun>

/** Gradient of the first hidden layer over that of the last; null where one is missing or the last is 0. */
export function ratio(layers: readonly FlowLayer[]): number | null {
  const [first, last] = [layers[0]?.gradientNorm ?? null, layers[layers.length - 1]?.gradientNorm ?? null]
  return first === null || last === null || last === 0 ? null : first / last
}

/** Mean over the layers. */
export const deadShare = (layers: readonly FlowLayer[]): number | null =>
  layers.length === 0 ? null : layers.reduce((sum, { dead }) => sum + dead, 0) / layers.length

/** Runs that differ by their seeds alone. */
export interface FlowGroup extends Pick<GradientFlowConfig, 'norm' | 'place' | 'activation' | 'init' | 'depth'> {
  runs: GradientFlowRun[]
  /** Geometric mean of `ratio` at the start; 0 where the gradient of a first layer was. */
  ratio: number | null
}

/** Groups of a depth. Default: the greatest. */
export function groupsOf({ settings, runs }: FlowResult, depth: number = Math.max(...settings.depths)): FlowGroup[] {
  const { places, activations, inits, norms } = settings
  return places.flatMap((place) =>
    activations.flatMap((activation) =>
      inits.flatMap((init) =>
        norms.flatMap((norm) => {
          const group = runs.filter(
            (run) => run.depth === depth && run.place === place && run.activation === activation && run.init === init && run.norm === norm,
          )
          return group.length === 0 ? [] : [{ norm, place, activation, init, depth, runs: group, ratio: geometricMean(group.map(({ start }) => ratio(start))) }]
        }),
      ),
    ),
  )
}

function geometricMean(values: readonly (number | null)[]): number | null {
  const known = values.filter((v): v is number => v !== null)
  return known.length === 0 ? null : Math.exp(known.reduce((sum, v) => sum + Math.log(v), 0) / known.length)
}
