// An agent that starts with what a file holds, and how much memory that takes: in this process or as a second one.
import { openSqliteStore } from '@smpkit/agent-store/sqlite'
import { openAgent } from '@smpkit/smp-agent'
import type { Connect } from '@smpkit/smp-client'
import { connectSmp } from '@smpkit/smp-transport'
import { residentMemory, serve } from './peer.js'
import { openDatabase } from './sqlite.js'

/** Tells of the answers that the agent has dealt with: the first byte of a block's content counts them. */
const counting =
  (onAnswers: (count: number) => void): Connect =>
  async (server, options) => {
    const connection = await connectSmp(server, options)
    async function* contents() {
      for await (const content of connection) {
        const [count = 0] = content
        yield content
        onAnswers(count)
      }
    }
    const { session, closed } = connection
    const close = () => connection.close()
    return {
      session,
      closed,
      send: (content) => connection.send(content),
      close,
      [Symbol.asyncIterator]: contents,
      [Symbol.asyncDispose]: close,
    }
  }

/** Opens an agent; settles when all of its `count` queues have been answered. What it returns ends it. */
export async function startAgent(file: string, server: string, count: number): Promise<() => Promise<void>> {
  const store = await openSqliteStore(openDatabase(file))
  let left = count
  let finish = () => {}
  const subscribed = new Promise<void>((resolve) => {
    finish = resolve
  })
  const connect = counting((answers) => {
    left -= answers
    if (left <= 0) finish()
  })
  const agent = await openAgent({ store, servers: [server], connect })
  await subscribed
  return async () => {
    await agent.close()
    await store.close()
  }
}

serve({
  async start(file: string, server: string, count: number) {
    await startAgent(file, server, count)
  },
  residentMemory,
})
