/** The file of digits in this worker: the page fetches it once and hands it to each. */

let take: (file: Blob | string) => void = () => {}
const taken = new Promise<Blob | string>((resolve) => {
  take = resolve
})

/** @param file or why there is none */
export const takeDigits = (file: Blob | string): void => take(file)

/** @throws Error where the page could not get it */
export const digitsFile = async (): Promise<Uint8Array> => bytesOf(await taken, 'There are no digits')

/**
 * @param file or why there is none
 * @throws Error that says so, after `missing`
 */
export async function bytesOf(file: Blob | string, missing: string): Promise<Uint8Array> {
  if (typeof file === 'string') throw new Error(`${missing}: ${file}.`)
  return new Uint8Array(await file.arrayBuffer())
}
