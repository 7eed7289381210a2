import { blockOf } from '../axes/block.js'
import { blockPicture, blockRows, sharedInWords } from '../axes/picture.js'
import { readAxes } from '../axes/read.js'
import { axesSettings } from '../axes/settings.js'
import { flagsOf, type Route, strayNotes } from '../state/url.js'
import { axesNumbers } from '../training/axes.js'
import { type Drawn, drawing } from './drawing.js'

/** The front door without a page. @throws Error with the layer's own words where it refuses the block */
export function drawAxes({ params }: Route): Drawn {
  const { settings, notes } = readAxes(params)
  const block = blockOf(settings)
  const numbers = axesNumbers(settings)
  const rows = blockRows(block, numbers)
  const norm = axesSettings.norm.choices?.[settings.norm] ?? settings.norm
  const drawings = (['before', 'after'] as const).map((when) =>
    drawing(`${norm} ${when}`, blockPicture(block, numbers[when], `${norm}, ${when}. ${sharedInWords(block)}`), rows),
  )
  return { drawings, notes: [...strayNotes(params, flagsOf(axesSettings)), ...notes] }
}
