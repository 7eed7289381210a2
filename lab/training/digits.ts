/** The file of digits in this worker: the page fetches it once and hands it to each. */

let take: (file: Blob | string) => void = () => {}
const taken = new Promise<Blob | string>((resolve) => {
  take = resolve
})

/** @param file or why there is none */
export const takeDigits = (file: Blob | string): void => take(file)

/** @throws Error where the page could not get it */
export async function digitsFile(): Promise<Uint8Array> {
  const file = await taken
  if (typeof file === 'string') throw new Error(`There are no digits: ${file}.`)
  return new Uint8Array(await file.arrayBuffer())
}
