import { firstPreset } from '../../lab/workbench/state.js'

/** Where the stored runs lie, and of which presets they are: those that the page begins with, on a wide screen and on a narrow one. */
export const firstRunsFile = new URL('../../data/lab/first-runs.json', import.meta.url)
export const firstPresets = [firstPreset(false), firstPreset(true)]
