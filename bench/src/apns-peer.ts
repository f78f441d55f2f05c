// APNs of the benchmarks that push, in a process of its own.
import { type ApnsFake, startApnsFake } from '@smpkit/push-providers/testing'
import { serve } from './peer.js'

let fake: ApnsFake | undefined

serve({
  async start() {
    fake = await startApnsFake()
    return fake.options
  },
})
