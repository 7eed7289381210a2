import { type NormAxes, type NormWords, normInWords, parameterShape, statisticShape } from '../../ops/norm/axes.js'

/** Which statistic and which parameters each element of a tensor belongs to, in the order in which the elements lie. */
export interface Sharing {
  /** Number of its statistic, for each element. */
  group: number[]
  /** Number of its weight and bias, for each element. */
  parameter: number[]
  groups: number
  parameters: number
  words: NormWords
}

/** Reads it off the four axes that the library itself works with. */
export function sharing(axes: NormAxes): Sharing {
  const statistics = statisticShape(axes)
  const parameters = parameterShape(axes)
  const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1)
  const group: number[] = []
  const parameter: number[] = []
  const [batch, groups, channels, positions] = axes.shape
  for (let n = 0; n < batch; n++) {
    for (let g = 0; g < groups; g++) {
      for (let c = 0; c < channels; c++) {
        for (let p = 0; p < positions; p++) {
          const at = [n, g, c, p]
          group.push(place(statistics, at))
          parameter.push(place(parameters, at))
        }
      }
    }
  }
  return { group, parameter, groups: size(statistics), parameters: size(parameters), words: normInWords(axes) }
}

/** The position of an element in a tensor of `shape`, along whose axes of size 1 it repeats. */
const place = (shape: readonly number[], at: readonly number[]): number => shape.reduce((index, size, axis) => index * size + (size === 1 ? 0 : at[axis]), 0)
