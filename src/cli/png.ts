import { convertIndexedToRgb, type DecodedPng, decode } from 'fast-png'

/** A PNG's pixels. The library that decodes it is bundled into this module where the package is built, so that none has to be installed. */

export interface Pixels {
  width: number
  height: number
  /** 1 for grey, 3 for red, green and blue. */
  channels: 1 | 3
  /** From 0 to 1, rows from above, the channels of a pixel side by side. */
  values: Float32Array
}

/**
 * Pixels of any kind of PNG. Transparency is left out, as where PIL converts an image to RGB.
 * @throws Error where it is damaged or no PNG
 */
export function decodePng(bytes: Uint8Array): Pixels {
  const png = decode(bytes)
  const { width, height } = png
  const { data, perPixel } = samples(png)
  const channels = perPixel < 3 ? 1 : 3
  const white = data instanceof Uint16Array ? 65535 : 255
  const values = new Float32Array(width * height * channels)
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let c = 0; c < channels; c++) values[pixel * channels + c] = data[pixel * perPixel + c] / white
  }
  return { width, height, channels, values }
}

/** One number a channel: of a palette the colours, of less than 8 bits what they stand for. */
function samples(png: DecodedPng): { data: DecodedPng['data']; perPixel: number } {
  if (png.palette) return { data: convertIndexedToRgb(png), perPixel: png.palette[0].length }
  if (png.depth >= 8) return { data: png.data, perPixel: png.channels }
  const brightest = 2 ** png.depth - 1
  const greys = Array.from({ length: brightest + 1 }, (_, level): [number, number, number] => {
    const grey = (255 * level) / brightest
    return [grey, grey, grey]
  })
  const grey = convertIndexedToRgb({ ...png, palette: greys }).filter((_, i) => i % 3 === 0)
  return { data: grey, perPixel: 1 }
}
