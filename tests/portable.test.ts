import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = new URL('../', import.meta.url)
const path = (name: string) => fileURLToPath(new URL(name, root))

/** Resolves a package's own `#` imports as a browser's bundler does, and says on stderr to what. */
const hook = `
export async function resolve(specifier, context, next) {
  if (!specifier.startsWith('#')) return next(specifier, context)
  const conditions = context.conditions.filter((condition) => !condition.startsWith('node'))
  const resolved = await next(specifier, { ...context, conditions })
  process._rawDebug(resolved.url)
  return resolved
}`
const moduleUrl = (source: string) => `data:text/javascript,${encodeURIComponent(source)}`
const register = moduleUrl(`import { register } from 'node:module'
register(${JSON.stringify(moduleUrl(hook))})`)

// The built packages, through their own `exports` and `imports`: `npm test` builds them first.
test.each([
  ['encoding, keys, crypto, addresses, commands and the handshake', 'smp', 1000],
  ['the ratchet, agent messages and links', 'agent', 300],
])(
  'the portable build passes the vectors of %s',
  (_, folder, atLeast) => {
    const args = ['--import', register, path('scripts/vectors/dist/main.js'), path(`test-vectors/${folder}`)]
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    expect(stderr).toContain('crypto/dist/platform-web.js')
    expect(stderr).not.toContain('platform-node.js')
    const [, passed = '0'] = /\b(\d+) passed, 0 failed\n$/.exec(stdout) ?? []
    expect(Number(passed)).toBeGreaterThan(atLeast)
  },
  60_000,
)
