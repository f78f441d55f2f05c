import fs from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { readPackages, root } from './imports.js'

/** The TypeScript examples of a Markdown text. */
function examplesIn(markdown: string): string[] {
  return [...markdown.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = '']) => code)
}

function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.tests.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: ['none'] }, ts.sys, root)
  // Examples name what they do not use; readers see all they need.
  return {
    ...options,
    incremental: false,
    tsBuildInfoFile: undefined,
    noUnusedLocals: false,
    noUnusedParameters: false,
  }
}

/** Compiles examples as if they were modules in `folder`, and gives what the compiler says of them. */
function problemsOf(folder: string, examples: readonly string[]): string[] {
  const options = compilerOptions()
  const host = ts.createCompilerHost(options)
  // An example may be nothing but statements.
  const files = new Map(examples.map((code, i) => [path.join(folder, `example-${i}.ts`), `${code}\nexport {}\n`]))
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (file) => files.has(file) || fileExists(file)
  host.readFile = (file) => files.get(file) ?? readFile(file)
  host.getSourceFile = (file, ...rest) => {
    const text = files.get(file)
    return text === undefined ? getSourceFile(file, ...rest) : ts.createSourceFile(file, text, rest[0])
  }
  const program = ts.createProgram([...files.keys()], options, host)
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`)
}

const folders = readPackages()
  .map(({ folder }) => path.join(root, folder))
  .filter((folder) => fs.existsSync(path.join(folder, 'README.md')))

describe('the examples of', () => {
  it.each(folders.map((folder) => [path.relative(root, folder), folder]))('%s/README.md compile', (_, folder) => {
    const examples = examplesIn(fs.readFileSync(path.join(folder, 'README.md'), 'utf8'))
    expect(problemsOf(folder, examples)).toEqual([])
  })
})

describe('the check of examples', () => {
  const folder = path.join(root, 'packages/encoding')

  it('finds a name that a package does not have', () => {
    const markdown = "Text\n\n```ts\nimport { nothing } from '@smpkit/encoding'\n```\n"
    expect(problemsOf(folder, examplesIn(markdown))).toEqual([expect.stringContaining("no exported member 'nothing'")])
  })

  it('finds a wrong type', () => {
    const markdown = "```ts\nimport { toHex } from '@smpkit/encoding'\ntoHex('text')\n```\n"
    expect(problemsOf(folder, examplesIn(markdown))).toEqual([expect.stringContaining('not assignable')])
  })

  it('accepts examples that are right, each as a module of its own', () => {
    const example = "```ts\nimport { toHex } from '@smpkit/encoding'\nconst hex = toHex(new Uint8Array(2))\n```\n"
    expect(problemsOf(folder, examplesIn(`${example}\n${example}`))).toEqual([])
  })
})
