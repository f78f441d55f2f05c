// A network that loses answers: the server has done what was asked, and the sender does not hear of it.
import { type Requester, SmpClientError, type SmpPool } from '@smpkit/smp-client'
import type { AgentOptions } from '../index.js'

export class Lossy {
  /** Whether answers to senders are lost. */
  losing = false
  lost = 0

  /** For `AgentOptions.route`. */
  readonly route: NonNullable<AgentOptions['route']> = (pool: SmpPool) => (server, userId) => {
    const requester = pool.server(server, userId)
    const lossy: Requester = {
      request: async (request, options) => {
        const answer = await requester.request(request, options)
        if (!this.losing) return answer
        this.lost++
        throw new SmpClientError('TIMEOUT', 'expected an answer, it was lost')
      },
    }
    return lossy
  }
}
