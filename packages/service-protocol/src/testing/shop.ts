// A small service for tests.
import { defineService } from '../definition.js'
import type { ServiceRequest } from '../read-message.js'
import { fromDigits, integer, list, object, optional, text } from '../schema.js'

const name = text({ max: 20 })
const item = object({ id: name, price: integer(0) })

export const shop = defineService({
  '/': { get: { answers: { ok: object({ name }) } } },
  '/items': {
    get: { query: object({ limit: optional(fromDigits(integer(1, 9))) }), answers: { ok: list(item) } },
    post: { data: object({ price: integer(0) }), answers: { created: object({ resource: name }), accepted: null } },
    delete: { data: list(name), maxItems: 3, answers: { ok: null } },
  },
  '/items/:id': { get: { answers: { ok: item } }, delete: { answers: { ok: null } } },
})

export type Shop = typeof shop

/** A request as it is read. */
export function requestOf(method: string, resource: string, fields: Partial<ServiceRequest> = {}): ServiceRequest {
  return {
    kind: 'request',
    syntax: 'json',
    id: 'abcdefgh',
    version: 1,
    method,
    resource,
    query: {},
    data: undefined,
    ...fields,
  }
}
