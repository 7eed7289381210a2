/** What is for Node alone: files. */
export * from './io/node.js'
