import type { Finding } from '../experiment.js'
import { activationNames, placeNames } from '../networks.js'
import { normNames } from '../norms.js'
import { listed, percentText, spreadOf, spreadText } from '../spread.js'
import { deadShare, type FlowGroup, type FlowResult, groupsOf, ratio } from './ratio.js'
import type { GradientFlowRun } from './run.js'

/** Beyond this many times, either way, a gradient has vanished or exploded between the last layer and the first. */
const MANY_TIMES = 10
/** Cross-entropy of a guess among ten digits. */
const GUESS = Math.log(10)
/** Below this share of a guess's loss a network has begun to learn. */
const BEGUN = 0.8
const AVERAGED_STEPS = 5

/** Mean of the last steps; null where the run diverged. */
export function endLoss({ losses, divergence }: GradientFlowRun): number | null {
  const last = losses.slice(-AVERAGED_STEPS)
  return divergence || last.length === 0 ? null : last.reduce((sum, v) => sum + v, 0) / last.length
}

export function findings(result: FlowResult): Finding[] {
  const groups = groupsOf(result)
  if (groups.length === 0) return []
  const depth = groups[0].depth
  const plain = groups.filter(({ norm, place }) => norm === 'none' && !place.includes('-'))
  const normed = groups.filter(({ norm, place }) => norm !== 'none' && !place.includes('-'))
  const residual = groups.filter(({ place }) => place.includes('-'))
  return [
    ...claim(`Without a norm, gradients vanish or explode in a network of ${depth} layers.`, plain, (group) => !steady(group), flowText),
    ...claim(`With a norm, gradients stay alike over ${depth} layers.`, normed, steady, flowText),
    ...claim(`With skip connections, gradients stay alike over ${depth} layers.`, residual, steady, flowText),
    ...(result.settings.steps > 0
      ? [
          ...claim(`Without a norm, ${depth} layers without skips do not train.`, plain, (group) => !begun(group), lossText),
          ...claim(`With a norm, ${depth} layers without skips train.`, normed, begun, lossText),
        ]
      : []),
    ...dead(groups),
  ]
}

const steady = ({ ratio }: FlowGroup): boolean => ratio !== null && ratio < MANY_TIMES && ratio > 1 / MANY_TIMES
const begun = ({ runs }: FlowGroup): boolean => runs.every((run) => (endLoss(run) ?? GUESS) < BEGUN * GUESS)

function claim(sentence: string, groups: readonly FlowGroup[], holds: (group: FlowGroup) => boolean, text: (group: FlowGroup) => string): Finding[] {
  if (groups.length === 0) return []
  const held = groups.filter(holds).length
  return [
    {
      claim: sentence,
      verdict: held === groups.length ? 'holds' : held === 0 ? 'does not hold' : 'depends',
      text: `${groups.map((group) => `${nameOf(group)}: ${text(group)}`).join('; ')}.`,
    },
  ]
}

const nameOf = ({ norm, place, activation, init }: FlowGroup): string =>
  listedShort([
    normNames[norm],
    place === 'before' || norm === 'none' ? '' : placeNames[place].split(':')[0],
    activationNames[activation],
    init === 'default' ? '' : init,
  ])
const listedShort = (parts: readonly string[]): string => parts.filter((part) => part !== '').join(', ')

function flowText({ ratio: mean, runs }: FlowGroup): string {
  if (mean === null) return 'no finite gradient'
  const all = runs.map(({ start }) => ratio(start)).filter((value) => value !== null)
  const range = all.length > 1 ? ` (${Math.min(...all).toPrecision(2)} to ${Math.max(...all).toPrecision(2)})` : ''
  return `first layer ${mean.toPrecision(2)} times the last${range}`
}

function lossText({ runs }: FlowGroup): string {
  const diverged = runs.filter(({ divergence }) => divergence !== null).length
  const loss = spreadOf(runs.map(endLoss))
  return [diverged > 0 ? `${diverged} of ${runs.length} diverged` : '', loss ? `loss ${spreadText(loss)}` : ''].filter((part) => part !== '').join(', ')
}

/** Where ReLU units die, with norm and without. */
function dead(groups: readonly FlowGroup[]): Finding[] {
  const shares = groups
    .filter(({ activation, place }) => activation === 'relu' && !place.includes('-'))
    .flatMap((group) => {
      const share = spreadOf(group.runs.map(({ end }) => deadShare(end)))
      return share ? [`${percentText(share)} with ${normNames[group.norm]}${group.place === 'before' ? '' : ` ${group.place} the activation`}`] : []
    })
  return shares.length === 0 ? [] : [{ claim: '', verdict: null, text: `Units that are 0 for a whole batch after training, ReLU: ${listed(shares)}.` }]
}
