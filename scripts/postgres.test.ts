import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { postgresMissing, startPostgres, testDatabase } from './postgres.mjs'

const missing = postgresMissing()

async function ask(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

async function until(condition: () => boolean) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20))
}

describe.skipIf(missing)(`a PostgreSQL for tests${missing ? ` (${missing})` : ''}`, () => {
  const ended: (() => Promise<void>)[] = []
  afterAll(async () => {
    for (const end of ended) await end()
  })

  it('gives each who asks a database of its own', async () => {
    const [one, other] = await Promise.all([testDatabase(), testDatabase()])
    await ask(one.url, 'CREATE TABLE here (a int)')
    await expect(ask(other.url, 'SELECT * FROM here')).rejects.toThrow('does not exist')
    await Promise.all([one.drop(), other.drop()])
    await expect(ask(one.url, 'SELECT 1')).rejects.toThrow('does not exist')
  })

  it('can be halted and resumed, and keeps its data', async () => {
    const server = await startPostgres()
    ended.push(server.stop)
    await ask(server.url, 'CREATE TABLE kept AS SELECT 7 AS a')
    await server.halt()
    await expect(ask(server.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED')
    await server.resume()
    expect(await ask(server.url, 'SELECT a FROM kept')).toEqual([{ a: 7 }])
  })

  it('goes with a process that was killed, and its folder too', async () => {
    const module = JSON.stringify(`file://${encodeURI(path.join(import.meta.dirname, 'postgres.mjs'))}`)
    const text = `import { startPostgres } from ${module}
      import pg from ${JSON.stringify(import.meta.resolve('pg'))}
      const client = new pg.Client({ connectionString: (await startPostgres()).url })
      await client.connect()
      const { rows } = await client.query('SHOW data_directory')
      console.log(rows[0].data_directory)
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', text], { stdio: ['ignore', 'pipe', 'ignore'] })
    let data = ''
    child.stdout.on('data', (bytes) => {
      data += bytes
    })
    await until(() => data.endsWith('\n'))
    const folder = path.dirname(data.trim())
    expect(fs.existsSync(folder)).toBe(true)
    child.kill('SIGKILL')
    await until(() => !fs.existsSync(folder))
  })
})
