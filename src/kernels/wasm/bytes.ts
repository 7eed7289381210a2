import { binary } from './binary.js'

/** The kernels' module, as compiled. (scripts/bundle-node.mjs puts a smaller text in the place of this one.) */
export function kernelBytes(): Uint8Array<ArrayBuffer> {
  const characters = atob(binary)
  const bytes = new Uint8Array(characters.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i)
  return bytes
}
