/** `evenkeel/node`: what needs a file system. Everything else is in `evenkeel`, which runs in browsers too. */
export { FileError, readSafetensors, writeSafetensors } from './io/node.js'
