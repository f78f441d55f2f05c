// Spec 04 §6.2, §7.3, §7.4, 06 §5: which connection receives what, and who is told that it does no more.
import type { BrokerMessage } from '@smpkit/smp-commands'
import type { Client } from './client.js'
import type { Clock } from './clock.js'
import type { Id, Notifier, Queue, Service } from './queue.js'
import type { Store } from './store.js'

/** What one subscribes to: the messages of a queue, or the notifications of a notifier. */
interface Subject {
  readonly id: Id
  /** The service that it belongs to. */
  readonly service: Service | null
  assign(service: Service | null): void
  /** Connections that subscribed without a service. */
  readonly subscribers: Map<Id, Client>
  /** Makes a connection forget it. */
  drop(client: Client): void
}

interface Event {
  readonly message: BrokerMessage
  /** Whether the connection has got back meanwhile what it lost. */
  isStale(): boolean
}

export class Subscriptions {
  readonly #queues = new Map<Id, Client>()
  readonly #notifiers = new Map<Id, Client>()
  readonly #services = new Map<Id, Client>()
  /** `END`, `DELD` and `ENDS` that wait for the common timer, by the id that they are about. */
  readonly #events = new Map<Client, Map<Id, Event>>()
  #timer: (() => void) | undefined
  readonly #store: Store
  readonly #clock: Clock
  readonly #delay: number

  constructor(store: Store, clock: Clock, delay: number) {
    this.#store = store
    this.#clock = clock
    this.#delay = delay
  }

  get counts(): { queues: number; notifiers: number; services: number } {
    return { queues: this.#queues.size, notifiers: this.#notifiers.size, services: this.#services.size }
  }

  /** Who gets the messages of a queue. */
  ofQueue(queue: Queue): Client | undefined {
    return receiver(this.#messagesOf(queue), this.#services)
  }

  /** Who gets the notifications of a notifier. */
  ofNotifier({ notifierId, service }: Notifier): Client | undefined {
    return service ? this.#services.get(service.serviceId) : this.#notifiers.get(notifierId)
  }

  /** Whether this connection gets everything of its service. */
  hasService({ service }: Client): boolean {
    return service !== null && this.#services.get(service.service.serviceId)?.service === service
  }

  /** A queue that this connection has just created. */
  subscribeNew(client: Client, queue: Queue): void {
    this.#join(client, this.#messagesOf(queue))
  }

  /** The service that the queue belongs to from now on, that of the connection. */
  subscribeQueue(client: Client, queue: Queue): Service | null {
    return this.#subscribe(client, this.#messagesOf(queue))
  }

  subscribeNotifier(client: Client, queue: Queue, notifier: Notifier): Service | null {
    const service = this.#subscribe(client, this.#notificationsOf(queue, notifier))
    if (!service) client.notifiers.add(notifier.notifierId)
    return service
  }

  /** `SUBS`, `NSUBS`: the connection gets everything of its service. */
  subscribeService(client: Client): void {
    const own = client.service
    if (!own) return
    const { service } = own
    own.subscribed = true
    own.set(service.queues.size, service.idsHash)
    this.#takeService(client, service)
  }

  /** To be called before `Store.delete`. */
  deleteQueue(client: Client, queue: Queue): void {
    this.#delete(client, this.#messagesOf(queue))
    client.subscriptions.delete(queue.recipientId)
    if (queue.notifier) this.deleteNotifier(client, queue, queue.notifier)
  }

  /** To be called before `Store.setNotifier`. */
  deleteNotifier(client: Client, queue: Queue, notifier: Notifier): void {
    this.#delete(client, this.#notificationsOf(queue, notifier))
  }

  /** The connection has ended. */
  disconnect(client: Client): void {
    for (const id of client.subscriptions.keys()) if (this.#queues.get(id) === client) this.#queues.delete(id)
    for (const id of client.notifiers) if (this.#notifiers.get(id) === client) this.#notifiers.delete(id)
    const serviceId = client.service?.service.serviceId
    if (serviceId !== undefined && this.#services.get(serviceId) === client) this.#services.delete(serviceId)
    this.#events.delete(client)
  }

  close(): void {
    this.#timer?.()
  }

  #messagesOf(queue: Queue): Subject {
    return {
      id: queue.recipientId,
      get service() {
        return queue.service
      },
      assign: (service) => this.#store.setMessagingService(queue, service),
      subscribers: this.#queues,
      drop: (client) => client.subscriptions.delete(queue.recipientId),
    }
  }

  #notificationsOf(queue: Queue, notifier: Notifier): Subject {
    return {
      id: notifier.notifierId,
      get service() {
        return notifier.service
      },
      assign: (service) => this.#store.setNotifierService(queue, notifier, service),
      subscribers: this.#notifiers,
      drop: (client) => client.notifiers.delete(notifier.notifierId),
    }
  }

  /** 06 §5.5. */
  #subscribe(client: Client, subject: Subject): Service | null {
    const own = client.service
    if (own && subject.service === own.service) {
      if (own.count === 0) this.#join(client, subject)
      return own.service
    }
    this.#leave(client, subject)
    this.#join(client, subject)
    return own?.service ?? null
  }

  /** Ends what others have of the subject: their service's, or their own subscription. */
  #leave(client: Client, subject: Subject): void {
    const previous = receiver(subject, this.#services)
    if (subject.service) {
      previous?.service?.remove(subject.id)
      subject.assign(null)
    }
    if (!previous || previous === client) return
    subject.drop(previous)
    subject.subscribers.delete(subject.id)
    this.#tell(previous, subject.id, { tag: 'END' }, () => receiver(subject, this.#services) === previous)
  }

  #join(client: Client, subject: Subject): void {
    const own = client.service
    if (!own) {
      subject.subscribers.set(subject.id, client)
      return
    }
    subject.assign(own.service)
    own.add(subject.id)
    this.#takeService(client, own.service)
  }

  /** All deliveries of the connection that had the service before are over. */
  #takeService(client: Client, { serviceId }: Service): void {
    const previous = this.#services.get(serviceId)
    if (previous === client) return
    this.#services.set(serviceId, client)
    if (!previous?.service) return
    this.#tell(previous, serviceId, { tag: 'ENDS', ...previous.service.queues })
    previous.service.clear()
    previous.subscriptions.clear()
  }

  #delete(client: Client, subject: Subject): void {
    const previous = receiver(subject, this.#services)
    subject.subscribers.delete(subject.id)
    if (!previous) return
    if (subject.service) previous.service?.remove(subject.id)
    subject.drop(previous)
    if (previous !== client) this.#tell(previous, subject.id, { tag: 'DELD' })
  }

  #tell(client: Client, id: Id, message: BrokerMessage, isStale = () => false): void {
    const events = this.#events.get(client) ?? new Map<Id, Event>()
    this.#events.set(client, events)
    // Only the last one for an id: two connections that take a queue from each other all the time must not fill the memory.
    events.delete(id)
    events.set(id, { message, isStale })
    this.#arm()
  }

  #arm(): void {
    this.#timer ??= this.#clock.schedule(() => this.#flush(), this.#delay)
  }

  #flush(): void {
    this.#timer = undefined
    for (const [client, events] of this.#events) {
      // A peer that does not read gets them when it does.
      if (!client.outgoing.hasRoom) continue
      const current = [...events].filter(([, event]) => !event.isStale())
      client.outgoing.add(current.map(([id, { message }]) => client.event(id, message)))
      this.#events.delete(client)
    }
    if (this.#events.size > 0) this.#arm()
  }
}

function receiver({ id, service, subscribers }: Subject, services: Map<Id, Client>): Client | undefined {
  return service ? services.get(service.serviceId) : subscribers.get(id)
}
