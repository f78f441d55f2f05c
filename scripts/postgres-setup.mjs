// For vitest: the PostgreSQL server of a test run, see postgres.mjs. It is started when the first test file asks for it over
// POSTGRES_CONTROL, and ends with the run.
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import { startPostgres } from './postgres.mjs'

let control
let server

export async function setup() {
  if (process.env.POSTGRES_URL) return
  const path = `/${randomBytes(16).toString('hex')}`
  control = http.createServer(async (request, response) => {
    if (request.url !== path) return response.writeHead(404).end()
    try {
      server ??= startPostgres()
      response.end((await server).url)
    } catch (error) {
      response.writeHead(500).end(error.message)
    }
  })
  await new Promise((resolve) => control.listen(0, '127.0.0.1', resolve))
  control.unref()
  // Workers take it over: they start later.
  process.env.POSTGRES_CONTROL = `http://127.0.0.1:${control.address().port}${path}`
}

export async function teardown() {
  control?.close()
  delete process.env.POSTGRES_CONTROL
  const running = await server?.catch(() => undefined)
  server = undefined
  await running?.stop()
}
