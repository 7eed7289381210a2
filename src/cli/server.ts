import { createHash } from 'node:crypto'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileError } from '../io/node.js'

/** What the lab's server may be told; the defaults are those of the command. */
export interface LabServerOptions {
  /** 0 for any that is free. */
  port: number
  /** Sends the headers that allow threads (COOP, COEP). Default true. */
  isolate?: boolean
  /** Further files by their path on the server: `/results.json`. */
  files?: ReadonlyMap<string, Uint8Array>
}

export interface LabServer {
  /** `http://127.0.0.1:4173/` */
  url: string
  close(): Promise<void>
}

const HOST = '127.0.0.1'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.gz': 'application/gzip',
}

/** Nothing from anywhere else; WebAssembly may be compiled; kernel threads are workers made from a blob. */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The built page and the digits that it trains on, all read before the first request: a path that is not in the list leads nowhere. */
function labFiles(): Map<string, Uint8Array> {
  const dist = fileURLToPath(new URL('../lab', import.meta.url))
  const data = fileURLToPath(new URL('../../data', import.meta.url))
  if (!fs.existsSync(path.join(dist, 'index.html'))) throw new FileError(`the lab is not in this package: ${dist} is missing`)
  const files = new Map<string, Uint8Array>()
  for (const [prefix, folder] of [
    ['/', dist],
    ['/data/', data],
  ]) {
    for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const file = path.join(entry.parentPath ?? entry.path, entry.name)
      files.set(prefix + path.relative(folder, file).replaceAll(path.sep, '/'), fs.readFileSync(file))
    }
  }
  return files
}

/**
 * Serves the lab to this machine alone.
 * @throws FileError where the port is taken or may not be used
 */
export async function serveLab({ port, isolate = true, files: more = new Map() }: LabServerOptions): Promise<LabServer> {
  const files = new Map([...labFiles(), ...more])
  const tags = new Map([...files].map(([name, bytes]) => [name, `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`]))
  const always = {
    'Content-Security-Policy': policy,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-cache',
    ...(isolate && { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }),
  }
  const server = http.createServer((request, response) => {
    const answer = (status: number, headers: http.OutgoingHttpHeaders, body: string | Uint8Array) => {
      response.writeHead(status, { ...always, 'Content-Length': Buffer.byteLength(body), ...headers })
      response.end(request.method === 'HEAD' ? undefined : body)
    }
    const refuse = (status: number, why: string, headers = {}) => answer(status, { 'Content-Type': 'text/plain; charset=utf-8', ...headers }, `${why}\n`)
    // A page elsewhere whose name was made to point at this machine would send that name.
    if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(request.headers.host ?? '')) return refuse(421, 'This server answers to 127.0.0.1 alone.')
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'Only GET and HEAD.', { Allow: 'GET, HEAD' })
    const asked = (request.url ?? '/').replace(/[?#].*$/, '')
    const name = asked === '/' ? '/index.html' : asked
    const bytes = files.get(name)
    const tag = tags.get(name)
    if (!bytes || !tag) return refuse(404, `There is no ${asked.slice(0, 200)} here.`)
    if (request.headers['if-none-match'] === tag) {
      response.writeHead(304, { ...always, ETag: tag })
      return response.end()
    }
    answer(200, { 'Content-Type': types[path.extname(name)] ?? 'application/octet-stream', ETag: tag }, bytes)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new FileError(portProblem(port, error), { cause: error })))
    server.listen({ port, host: HOST, exclusive: true }, resolve)
  })
  const address = server.address()
  const bound = typeof address === 'object' && address ? address.port : port
  return {
    url: `http://${HOST}:${bound}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function portProblem(port: number, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return `port ${port} of ${HOST} is in use. Choose another with --port, or --port 0 for any that is free.`
  if (code === 'EACCES') return `port ${port} of ${HOST} may not be used by this user. Choose one above 1023 with --port.`
  return `can't listen on port ${port} of ${HOST}: ${message}`
}
