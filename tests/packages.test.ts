import fs from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { readPackages, root } from './imports.js'

const libraries = readPackages().filter(({ folder }) => folder.startsWith('packages/'))

/** The files that `tsconfig.json` of a folder references, as folders relative to the repository. */
function referencesOf(folder: string): string[] {
  const config = JSON.parse(fs.readFileSync(path.join(root, folder, 'tsconfig.json'), 'utf8'))
  return config.references.map((reference: { path: string }) => path.join(folder, reference.path))
}

describe.each(libraries.map((item) => [item.manifest.name, item] as const))(
  '%s',
  (name, { folder, manifest, sources }) => {
    it('is named after its folder', () => {
      expect(name).toBe(`@smpkit/${path.basename(folder)}`)
    })

    it('has a README.md with an example', () => {
      expect(fs.readFileSync(path.join(root, folder, 'README.md'), 'utf8')).toMatch(/^# .*```ts\n/s)
    })

    it('is MIT, free of side effects, and publishes only what was built', () => {
      expect(manifest).toMatchObject({ license: 'MIT', sideEffects: false, files: ['dist', '!dist/.tsbuildinfo'] })
      expect(manifest.private).toBeUndefined()
    })

    it('has built types and code for every entry', () => {
      const { exports = {} } = manifest
      expect(Object.keys(exports)).toContain('.')
      for (const { types, default: code, ...rest } of Object.values(exports)) {
        expect(rest).toEqual({})
        expect(types?.replace(/\.d\.ts$/, '.js')).toBe(code)
        for (const file of [types, code]) expect(fs.existsSync(path.join(root, folder, file ?? 'missing'))).toBe(true)
      }
    })

    it('has built code for every target of its imports map', () => {
      const targets = Object.values(manifest.imports ?? {}).flatMap((map) => Object.values(map))
      expect(targets.filter((file) => !fs.existsSync(path.join(root, folder, file)))).toEqual([])
    })

    it('lists names instead of export *', () => {
      const isStar = (node: ts.Node) => ts.isExportDeclaration(node) && !node.exportClause
      const stars = sources.filter(({ path, text }) =>
        ts.createSourceFile(path, text, ts.ScriptTarget.ES2022).statements.some(isStar),
      )
      expect(stars.map(({ path }) => path)).toEqual([])
    })
  },
)

describe('the project references', () => {
  const all = readPackages()

  it.each(all.map((item) => [item.folder, item] as const))('of %s are its dependencies', (folder, { manifest }) => {
    const names = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
    const expected = all.filter((other) => names.includes(other.manifest.name)).map((other) => other.folder)
    expect(referencesOf(folder).sort()).toEqual(expected.sort())
  })

  it('of the root are all packages', () => {
    expect(referencesOf('.').sort()).toEqual(all.map(({ folder }) => folder).sort())
  })
})
