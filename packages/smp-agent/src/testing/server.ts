// An SMP server for the tests of one file.
import { type SmpServer, type SmpServerOptions, startSmpServer } from '@smpkit/smp-server'
import { afterAll, beforeAll } from 'vitest'

/** Runs from the first test of the file to the last. */
export function useServer(options?: SmpServerOptions): () => SmpServer {
  let server: SmpServer | undefined
  beforeAll(async () => {
    server = await startSmpServer(options)
  })
  afterAll(async () => {
    await server?.stop()
  })
  return () => {
    if (!server) throw new Error('expected a test to be running')
    return server
  }
}
