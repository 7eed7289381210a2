import { runComposedTransformer } from './attention.js'
import { runCheckpoint, runHostile, runSafetensors } from './checkpoints.js'
import { Mismatch } from './compare.js'
import type { GoldenCase } from './data.js'
import * as kinds from './kinds.js'
import { runKeys, runNetwork } from './networks.js'
import { runOptimizer } from './optimizer.js'
import { runParametrized, runParametrizedError, runParametrizedSteps } from './parametrized.js'
import { runRandom, runRngState, runStatistics } from './random.js'
import { runComposedLstm, runPackError, runPacked } from './recurrent.js'
import * as tools from './tools.js'
import { runTrajectory } from './trajectory.js'

const runners: Readonly<Record<string, kinds.Runner>> = {
  module: kinds.runModule,
  function: kinds.runFunction,
  module_steps: kinds.runModuleSteps,
  error: kinds.runError,
  no_error: kinds.runNoError,
  construct: kinds.runConstruct,
  lazy: kinds.runLazy,
  load_state_dict: kinds.runLoadStateDict,
  script: kinds.runScript,
  random: runRandom,
  rng_state: runRngState,
  statistics: runStatistics,
  parametrized: runParametrized,
  parametrized_steps: runParametrizedSteps,
  update_bn: tools.runUpdateBn,
  fuse: tools.runFuse,
  convert: tools.runConvert,
  walk: tools.runWalk,
  averaged: tools.runAveraged,
  vector: tools.runVector,
  optimizer: runOptimizer,
  trajectory: runTrajectory,
  packed: runPacked,
  composed: (family, c, errors) => (c.target?.includes('LSTM') ? runComposedLstm : runComposedTransformer)(family, c, errors),
  safetensors: runSafetensors,
  hostile: runHostile,
  checkpoint: runCheckpoint,
  network: runNetwork,
  keys: runKeys,
  // Values that other cases read: they must be there.
  data: (family, c) => c.keys.forEach((key) => void family.array(c, key)),
}

/** Errors of functions whose arguments the data don't give. */
const errorRunners: readonly [RegExp, kinds.Runner][] = [
  [/\.parametrizations\./, runParametrizedError],
  [/\.fusion\./, tools.runFuseError],
  [/\.pack_padded_sequence$/, runPackError],
]

export function runnerFor(c: GoldenCase): kinds.Runner {
  const special = c.kind === 'error' ? errorRunners.find(([target]) => target.test(c.target ?? '')) : undefined
  const runner = special?.[1] ?? runners[c.kind]
  if (!runner) throw new Mismatch(`can't run cases of kind '${c.kind}'`)
  return runner
}
