// Spec 30: the phone's connection to the notification server: encrypted end to end, like one between two people.
import { openMemoryStore } from '@smpkit/agent-store'
import { createClient, readMessage, type ServiceClient } from '@smpkit/service-protocol'
import { type NotificationService, notificationService } from '@smpkit/service-protocol/notification'
import { openAgent } from '@smpkit/smp-agent'
import type { ParsedServerAddress } from '@smpkit/smp-commands/address'
import { Inbox } from './inbox.js'
import type { Report } from './report.js'

export interface ServiceLink extends AsyncDisposable {
  readonly request: ServiceClient<NotificationService>['request']
}

export interface LinkOptions {
  /** The contact address of the notification server. */
  readonly address: string
  /** Where the phone makes its queue for what the notification server says. */
  readonly server: ParsedServerAddress
  readonly report: Report
  readonly signal: AbortSignal
}

/** Requests and answers in a person's words, with the RFC's numbers of the steps. */
const meanings: Readonly<Record<string, readonly [step: number | null, meaning: string]>> = {
  's.post /ntf/tokens': [null, 'here is my push token'],
  's.created /ntf/tokens': [null, 'registered; a code is on its way'],
  's.put …/verification': [null, 'the code, decrypted'],
  's.ok …/verification': [null, 'the token is active'],
  's.post /ntf/subscriptions': [3, 'wake me for my queue'],
  's.created /ntf/subscriptions': [6, 'I will, whenever it gets a message'],
}

/** Settles when the notification server has let the phone in. */
export async function linkToService({ address, server, report, signal }: LinkOptions): Promise<ServiceLink> {
  const agent = await openAgent({ store: openMemoryStore(), servers: [server] })
  try {
    const start = performance.now()
    const connected = new Inbox<void>()
    const connection = await agent.join(address, { info: new Uint8Array(), signal })
    const asked: { at: number; resource: string } = { at: 0, resource: '' }
    const show = (from: string, to: string, word: string, bytes: Uint8Array, ms?: number) => {
      const what = `${word} ${asked.resource}`
      const [step, meaning] = meanings[what] ?? [null, '']
      const isAnswer = ms !== undefined
      report.step({
        step,
        from,
        to,
        what: isAnswer ? word : what,
        meaning,
        bytes: bytes.length,
        ...(isAnswer && { ms }),
      })
    }
    const client = createClient(notificationService, {
      async send(bytes) {
        const request = readMessage(bytes)
        if (request.kind !== 'request') return
        Object.assign(asked, {
          at: performance.now(),
          resource: request.resource.replace(/^.*\/(?=verification$)/, '…/'),
        })
        show('recipient', 'notification server', `s.${request.method}`, bytes)
        await agent.send(connection, bytes, { notification: false })
      },
    })
    const reading = (async () => {
      for await (const event of agent.events()) {
        if (event.type === 'confirmation') await agent.allow(event.connection, new Uint8Array())
        if (event.type === 'connected') connected.put()
        if (event.type === 'message') {
          const answer = readMessage(event.body)
          if (answer.kind === 'response') {
            show('notification server', 'recipient', `s.${answer.status}`, event.body, performance.now() - asked.at)
          }
          client.receive(event.body)
        }
        await event.ack()
      }
    })()
    await connected.take(signal)
    report.step({
      step: null,
      from: 'recipient',
      to: 'notification server',
      what: 'connect',
      meaning: 'by its contact address; encrypted',
      ms: performance.now() - start,
    })
    return {
      request: client.request,
      async [Symbol.asyncDispose]() {
        client.close()
        await agent.close()
        await reading
      },
    }
  } catch (error) {
    await agent.close()
    throw error
  }
}
