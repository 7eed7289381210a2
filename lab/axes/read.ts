import { defaultsOf } from '../../src/experiments/settings.js'
import { type Reading, readSettings, writeSettings } from '../state/url.js'
import { fitted } from './block.js'
import { type AxesSettings, axesSettings } from './settings.js'

/** How many axes `normalizedShape` usually takes: an image as a whole, the features of a step or a row. */
export const usualTrailing: Readonly<Record<AxesSettings['input'], number>> = { image: 3, sequence: 1, table: 1 }

const startOf = (input: AxesSettings['input']): AxesSettings => ({ ...defaultsOf(axesSettings), trailing: usualTrailing[input] })

/** The block that an address asks for, as far as it can be. */
export function readAxes(params: ReadonlyMap<string, string>): { settings: AxesSettings; notes: string[] } {
  const { input } = readSettings(axesSettings, params).values
  const { values, notes }: Reading<typeof axesSettings> = readSettings(axesSettings, params, startOf(input))
  const fit = fitted(values)
  return { settings: fit.settings, notes: [...notes, ...fit.notes] }
}

export const writeAxes = (settings: AxesSettings): [string, string][] => writeSettings(axesSettings, settings, startOf(settings.input))
