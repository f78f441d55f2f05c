// The SMP side of a notification server without sockets: every queue is subscribed at once, and notifications come when they are given.
import type { SmpSubscriber, SubscriberEvent } from '@smpkit/notification-server'

export function directSubscriber(server: string) {
  let waiting: SubscriberEvent[] = []
  let wake = () => {}
  let ended = false
  const put = (...events: SubscriberEvent[]) => {
    waiting.push(...events)
    wake()
  }
  const close = async () => {
    ended = true
    wake()
  }
  async function* events() {
    while (!ended) {
      if (waiting.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      const batch = waiting
      waiting = []
      if (batch.length > 0) yield batch
    }
  }
  const subscriber: SmpSubscriber = {
    events: events(),
    subscribe: (_, notifiers) =>
      put(
        { type: 'up', server, serviceId: null },
        ...notifiers.map(({ notifierId }) => ({ type: 'subscribed', server, notifierId, serviceId: null }) as const),
      ),
    unsubscribe: () => {},
    move: () => {},
    probe: async () => true,
    close,
    [Symbol.asyncDispose]: close,
  }
  return { subscriber, put }
}
