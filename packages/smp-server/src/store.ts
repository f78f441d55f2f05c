// Spec 04 §4.2, §4.4: all queues and services, found by each of their ids.
import { emptyIdsHash, xorIdsHash } from '@smpkit/crypto'
import type { ServiceRole } from '@smpkit/smp-commands'
import { newId } from './messages.js'
import { type Id, idBytes, type Link, type Notifier, type Queue, type Service } from './queue.js'

/** Everything that outlives a restart. No connection is known here. */
export class Store {
  readonly queues = new Map<Id, Queue>()
  readonly services = new Map<Id, Service>()
  readonly #bySender = new Map<Id, Queue>()
  readonly #byLink = new Map<Id, Queue>()
  readonly #byNotifier = new Map<Id, Queue>()
  readonly #byCertificate = new Map<Id, Service>()

  ofSender(senderId: Id): Queue | undefined {
    return this.#bySender.get(senderId)
  }

  ofLink(linkId: Id): Queue | undefined {
    return this.#byLink.get(linkId)
  }

  ofNotifier(notifierId: Id): Queue | undefined {
    return this.#byNotifier.get(notifierId)
  }

  /** `false` if one of its ids is in use: then nothing has changed. */
  add(queue: Queue): boolean {
    const { recipientId, senderId, link, notifier } = queue
    const taken =
      this.queues.has(recipientId) ||
      this.#bySender.has(senderId) ||
      (link && this.#byLink.has(link.linkId)) ||
      (notifier && this.#byNotifier.has(notifier.notifierId))
    if (taken) return false
    this.queues.set(recipientId, queue)
    this.#bySender.set(senderId, queue)
    if (link) this.#byLink.set(link.linkId, queue)
    if (notifier) this.#byNotifier.set(notifier.notifierId, queue)
    return true
  }

  /** Also takes it from its services. */
  delete(queue: Queue): void {
    this.setMessagingService(queue, null)
    this.setNotifier(queue, null)
    this.setLink(queue, null)
    this.queues.delete(queue.recipientId)
    this.#bySender.delete(queue.senderId)
  }

  /** `false` if the link id belongs to another queue. */
  setLink(queue: Queue, link: Link | null): boolean {
    const owner = link && this.#byLink.get(link.linkId)
    if (owner && owner !== queue) return false
    if (queue.link) this.#byLink.delete(queue.link.linkId)
    queue.link = link
    if (link) this.#byLink.set(link.linkId, queue)
    return true
  }

  setNotifier(queue: Queue, notifier: Notifier | null): void {
    if (queue.notifier) {
      this.setNotifierService(queue, queue.notifier, null)
      this.#byNotifier.delete(queue.notifier.notifierId)
    }
    queue.notifier = notifier
    if (notifier) this.#byNotifier.set(notifier.notifierId, queue)
  }

  /** The service of a certificate; `null` if it was first seen in another role, or if there are `max` services. */
  serviceOf(role: ServiceRole, certHash: Id, max: number): Service | null {
    const known = this.#byCertificate.get(certHash)
    if (known) return known.role === role ? known : null
    if (this.services.size >= max) return null
    const service = { serviceId: newId(), role, certHash, queues: new Set<Queue>(), idsHash: emptyIdsHash() }
    this.services.set(service.serviceId, service)
    this.#byCertificate.set(certHash, service)
    return service
  }

  setMessagingService(queue: Queue, service: Service | null): void {
    move(queue, queue.recipientId, queue.service, service)
    queue.service = service
  }

  setNotifierService(queue: Queue, notifier: Notifier, service: Service | null): void {
    move(queue, notifier.notifierId, notifier.service, service)
    notifier.service = service
  }
}

function move(queue: Queue, id: Id, from: Service | null, to: Service | null): void {
  if (from === to) return
  if (from?.queues.delete(queue)) from.idsHash = xorIdsHash(from.idsHash, idBytes(id))
  if (!to) return
  to.queues.add(queue)
  to.idsHash = xorIdsHash(to.idsHash, idBytes(id))
}
