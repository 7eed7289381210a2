import { mkdirSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasDisplay, offerLab } from '../../src/cli/lab.js'
import { parse } from '../../src/cli/options.js'
import type { LabServer, serveLab } from '../../src/cli/server.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
let serve: typeof serveLab
let server: LabServer

/** The server from its sources, laid out as in the package: the page beside it, two folders below the data. */
beforeAll(async () => {
  const folder = join(root, '.cache/server-test')
  mkdirSync(join(folder, 'lab'), { recursive: true })
  writeFileSync(join(folder, 'lab/index.html'), '<!doctype html><title>lab</title>')
  writeFileSync(join(folder, 'lab/lab.js'), 'export {}')
  const outfile = join(folder, 'cli/server.mjs')
  await build({ entryPoints: [join(root, 'src/cli/server.ts')], outfile, bundle: true, platform: 'node', format: 'esm', ignoreAnnotations: true })
  mkdirSync(join(root, '.cache/data'), { recursive: true })
  writeFileSync(join(root, '.cache/data/numbers.gz'), 'data')
  ;({ serveLab: serve } = await import(pathToFileURL(outfile).href))
  server = await serve({ port: 0, files: new Map([['/results.json', new TextEncoder().encode('{}')]]) })
})
afterAll(() => server.close())

/** As raw as a request can be: fetch would tidy the path. */
function ask(path: string, { method = 'GET', host }: { method?: string; host?: string } = {}) {
  const { port } = new URL(server.url)
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }>((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path, method, headers: host ? { host } : {} }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
    request.on('error', reject).end()
  })
}

describe('the server of the lab', () => {
  test.each([
    ['/', 'text/html; charset=utf-8'],
    ['/?x=1', 'text/html; charset=utf-8'],
    ['/lab.js', 'text/javascript; charset=utf-8'],
    ['/data/numbers.gz', 'application/gzip'],
    ['/results.json', 'application/json; charset=utf-8'],
  ])('%s is %s, with headers that keep the page to itself', async (path, type) => {
    const { status, headers } = await ask(path)
    expect(status).toBe(200)
    expect(headers['content-type']).toBe(type)
    expect(headers).toMatchObject({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'x-content-type-options': 'nosniff',
    })
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/)
    expect(headers['content-security-policy']).not.toMatch(/'unsafe-(inline|eval)'/)
  })

  test.each(['/../package.json', '/..%2f..%2fpackage.json', '/data/../../package.json', '/lab.js/', '//etc/passwd', '/%00', '/lab%2ejs'])(
    '%s leads nowhere',
    async (path) => {
      expect((await ask(path)).status).toBe(404)
    },
  )

  test('only reads, only for this machine', async () => {
    expect((await ask('/', { method: 'POST' })).status).toBe(405)
    expect((await ask('/', { host: 'evil.example' })).status).toBe(421)
    expect(await ask('/', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
  })

  test('what has not changed is not sent again', async () => {
    const { headers } = await ask('/lab.js')
    const response = await fetch(new URL('/lab.js', server.url), { headers: { 'If-None-Match': headers.etag ?? '' } })
    expect(response.status).toBe(304)
  })

  test('a port that is taken is said, with what to do', async () => {
    const port = Number(new URL(server.url).port)
    await expect(serve({ port })).rejects.toThrow(`port ${port} of 127.0.0.1 is in use. Choose another with --port, or --port 0 for any that is free.`)
  })
})

describe('the command line', () => {
  test('reads port and no-open', () => {
    expect(parse(['lab'])).toEqual({ kind: 'lab', settings: { port: 4173, open: true } })
    expect(parse(['lab', '--port', '0', '--no-open'])).toEqual({ kind: 'lab', settings: { port: 0, open: false } })
    expect(() => parse(['lab', '--port', '70000'])).toThrow('--port must be a whole number from 0 to 65535')
  })

  test('draw takes an address, and as many steps as it is told', () => {
    expect(parse(['draw', '#/workbench'])).toEqual({ kind: 'draw', settings: { address: '#/workbench', out: null, data: null, steps: 200, force: false } })
    expect(parse(['draw', '#/workbench', '--steps', '7', '--out', 'x', '--data', 'rows.csv', '--force'])).toEqual({
      kind: 'draw',
      settings: { address: '#/workbench', out: 'x', data: 'rows.csv', steps: 7, force: true },
    })
    expect(() => parse(['draw'])).toThrow('draw needs an address of the lab')
    expect(() => parse(['draw', '#/workbench', '--steps', '0'])).toThrow('--steps must be a whole number from 1 to 1000000')
  })

  test('the main job ends without a server where nobody looks: it says how to see the lab', async () => {
    const said: string[] = []
    const out = { write: (text: string) => said.push(text), isTTY: false }
    await offerLab(out, { DISPLAY: ':0' }, new AbortController().signal)
    expect(said).toEqual(['To look into the networks while they train: evenkeel lab\n'])
  })

  test('a browser is opened only where there is a display', () => {
    expect(hasDisplay({}, 'linux')).toBe(false)
    expect(hasDisplay({ DISPLAY: ':0' }, 'linux')).toBe(true)
    expect(hasDisplay({ WAYLAND_DISPLAY: 'wayland-0' }, 'linux')).toBe(true)
    expect(hasDisplay({}, 'darwin')).toBe(true)
  })
})
