// A process of its own for one party, which is told its job and its fault, tells links and when it is done, and ends when it is told to.
import { faultyConnect, faultyStore } from './fault.mjs'
import { Party } from './party.mjs'

process.once('message', async ({ job, fault }) => {
  const party = await Party.open(job, {
    wrapStore: (store) => faultyStore(store, fault),
    connect: faultyConnect(fault),
    onLink: (link) => process.send({ link }),
    onDone: () => process.send({ done: true }),
  })
  process.once('message', async () => {
    await party.close()
    process.disconnect()
  })
})
