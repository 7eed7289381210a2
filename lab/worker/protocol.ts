import type { Figure, Finding, Result, Table } from '../../src/experiments/experiment.js'
import type { BackendInfo } from '../../src/index.js'
import type { AxesSettings } from '../axes/settings.js'
import type { ExperimentWords } from '../experiments/words.js'
import type { AxesNumbers } from '../training/axes.js'
import type { OwnData, OwnFile } from '../training/own.js'
import type { Divergence, Evaluation, Part, Snapshot, StepRecord } from '../training/records.js'
import type { Trial } from '../training/trial.js'
import type { RunSettings, TrainConfig } from '../workbench/settings.js'

/** What the page and its workers say to one another. Every run has a worker of its own; answers carry the number of the question. */

/** Asked once, answered once; training and experiments report on the way. */
export type Question =
  | { type: 'axes'; settings: AxesSettings }
  | { type: 'describe' }
  | { type: 'own'; files: readonly OwnFile[] }
  /** `settings` by flag; `text`: the beginning of the novel, or why there is none. */
  | { type: 'experiment'; name: string; settings: Readonly<Record<string, string>>; text: Blob | string }
  | { type: 'results'; text: string }
  /** A run of so many steps that is told as a whole. */
  | { type: 'trial'; config: TrainConfig; steps: number }
  | { type: 'train'; config: TrainConfig; own: OwnData | null; threads: number }
  | { type: 'save'; what: 'weights' | 'data' }

/** Told to the worker that is at work; not answered. */
export type Order =
  | { type: 'play'; until: number }
  | { type: 'pause' }
  | { type: 'step' }
  | { type: 'part' }
  | { type: 'change'; settings: Partial<RunSettings> }
  | { type: 'cancel' }
  /** The file of digits, or why there is none; told to every worker. */
  | { type: 'digits'; file: Blob | string }

export type Answer =
  | { type: 'axes'; numbers: AxesNumbers }
  | { type: 'describe'; experiments: ExperimentWords[] }
  | { type: 'own'; data: OwnData }
  | { type: 'experiment'; view: ExperimentView }
  | { type: 'results'; view: ExperimentView }
  | { type: 'trial'; trial: Trial }
  | { type: 'train'; divergence: Divergence }
  /** A safetensors file. */
  | { type: 'save'; file: Uint8Array<ArrayBuffer> }

/** On the way to an answer. */
export type Report =
  | { type: 'ready'; backend: Backend }
  | { type: 'steps'; steps: StepRecord[]; snapshots: Snapshot[]; evaluations: Evaluation[]; memory: Memory }
  | { type: 'paused' }
  /** Settings that hold from now on, after so many steps. */
  | { type: 'changed'; step: number; settings: Partial<RunSettings> }
  | { type: 'parts'; part: Part | null }
  | { type: 'progress'; run: number; runs: number; share: number; text: string }
  | { type: 'figures'; view: ExperimentView }

/** What computes. */
export interface Backend {
  name: BackendInfo['backend']
  simd: boolean
  threads: number
}

/** What a worker holds. */
export type Memory = Pick<BackendInfo['memory'], 'tensors' | 'bytes'>

/** An experiment's result, drawn. */
export interface ExperimentView {
  result: Result
  title: string
  summary: Table
  findings: Finding[]
  figures: Figure[]
  method: readonly (readonly [term: string, text: string])[]
}

export type ToWorker = (Question & { id: number }) | Order
export type FromWorker = { alive: true } | ({ id: number } & ({ answer: Answer } | { report: Report } | { error: string }))
