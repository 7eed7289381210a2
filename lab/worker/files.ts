/** What the workers are made of, fetched once and kept: with it at hand a run can begin when the network is gone. */

function once(path: string, what: string): () => Promise<Blob> {
  let fetched: Promise<Blob> | undefined
  return () => {
    fetched ??= fetch(new URL(path, import.meta.url)).then(
      (response) => {
        if (!response.ok) throw new Error(`${what} could not be had: ${response.status} ${response.statusText}`)
        return response.blob()
      },
      () => {
        throw new Error(`${what} could not be had: the server of this page does not answer`)
      },
    )
    // A failure is not kept: the next who asks tries again.
    fetched.catch(() => {
      fetched = undefined
    })
    return fetched
  }
}

const program = once('./worker.js', 'the library')
export const digits = once('./data/digits/mnist-5000-1000.bin.gz', 'the file of digits')

let address: Promise<string> | undefined
/** Where a worker's program lies, in this page. */
export function programAddress(): Promise<string> {
  address ??= program().then((blob) => URL.createObjectURL(blob))
  address.catch(() => {
    address = undefined
  })
  return address
}

/** The beginning of the novel, for experiments on text. */
export const novel = once('./data/moby-dick/part-1.txt.gz', 'the text')
