import { describe, expectTypeOf, it } from 'vitest'
import type { createClient, ServiceClient } from './client.js'
import { defineService } from './definition.js'
import type { NotificationService } from './notification.js'
import type { Handlers } from './router.js'
import type { StandardSchemaV1 } from './standard-schema.js'
import type { Shop, shop } from './testing/shop.js'

// What is checked here is checked by the compiler; nothing of it runs.
describe('one definition types', () => {
  it('what a client may ask for, and gets', () => {
    async function use(client: ServiceClient<Shop>) {
      const { status, data } = await client.request('get', '/')
      expectTypeOf(status).toEqualTypeOf<'ok'>()
      expectTypeOf(data).toEqualTypeOf<{ readonly name: string }>()

      const made = await client.request('post', '/items', { price: 5 })
      expectTypeOf(made.status).toEqualTypeOf<'created' | 'accepted'>()
      if (made.status === 'created') expectTypeOf(made.data.resource).toEqualTypeOf<string>()
      else expectTypeOf(made.data).toEqualTypeOf<undefined>()

      const { data: item } = await client.request('get', '/items/:id', undefined, { params: { id: 'a' } })
      expectTypeOf(item.price).toEqualTypeOf<number>()
      const { data: items } = await client.request('get', '/items', undefined, { query: { limit: 5 } })
      expectTypeOf(items).toEqualTypeOf<readonly { readonly id: string; readonly price: number }[]>()

      // @ts-expect-error no such resource
      await client.request('get', '/nothing')
      // @ts-expect-error no such method of it
      await client.request('put', '/items', { price: 5 })
      // @ts-expect-error data is needed
      await client.request('post', '/items')
      // @ts-expect-error no such field of data
      await client.request('post', '/items', { cost: 5 })
      // @ts-expect-error a field of another type
      await client.request('post', '/items', { price: '5' })
      // @ts-expect-error there is no data
      await client.request('get', '/', { price: 5 })
      // @ts-expect-error parameters are needed
      await client.request('get', '/items/:id')
      // @ts-expect-error another parameter
      await client.request('get', '/items/:id', undefined, { params: { name: 'a' } })
      // @ts-expect-error no such field of the query
      await client.request('get', '/items', undefined, { query: { first: 5 } })
      // @ts-expect-error no such field of the answer
      void item.cost
      // @ts-expect-error the status is to be looked at first
      void made.data.resource
    }
    expectTypeOf(use).toBeFunction()
    expectTypeOf<ReturnType<typeof createClient<Shop>>>().toEqualTypeOf<ServiceClient<typeof shop>>()
  })

  it('what handlers get and give', () => {
    const list: Handlers<Shop, { readonly user: string }>['/items'] = {
      get: ({ query, context }) => {
        expectTypeOf(query.limit).toEqualTypeOf<number | undefined>()
        expectTypeOf(context.user).toEqualTypeOf<string>()
        return { status: 'ok', data: [] }
      },
      // @ts-expect-error no such field of the answer
      post: ({ data }) => {
        expectTypeOf(data).toEqualTypeOf<{ readonly price: number }>()
        return { status: 'created', data: { name: 'a' } }
      },
      // @ts-expect-error no such status of this request
      delete: async ({ data }) => {
        expectTypeOf(data).toEqualTypeOf<readonly string[]>()
        return { status: 'accepted' }
      },
    }
    const one: Handlers<Shop, undefined>['/items/:id'] = {
      get: async ({ params, data }) => {
        expectTypeOf(params).toEqualTypeOf<{ readonly id: string }>()
        expectTypeOf(data).toEqualTypeOf<undefined>()
        return { status: 'ok', data: { id: params.id, price: 1 } }
      },
      delete: () => ({ status: 'ok' }),
      // @ts-expect-error no such method of it
      put: () => ({ status: 'ok' }),
    }
    // @ts-expect-error every resource has its handlers
    const missing: Handlers<Shop, undefined> = { '/items/:id': one }
    expectTypeOf([list, one, missing]).toBeArray()
  })

  it('a schema that changes what it takes: the client gives its input, the handler gets its output', () => {
    const date = {} as StandardSchemaV1<string, Date>
    const calendar = () => defineService({ '/days': { post: { data: date, answers: { ok: date } } } })
    type Calendar = ReturnType<typeof calendar>
    type Post = Handlers<Calendar, undefined>['/days']['post']
    expectTypeOf<Parameters<Post>[0]['data']>().toEqualTypeOf<Date>()
    const use = async (client: ServiceClient<Calendar>) => (await client.request('post', '/days', '2026-01-01')).data
    expectTypeOf(use).returns.resolves.toEqualTypeOf<Date>()
  })

  it('a mistake in itself', () => {
    const wrong = () => {
      // @ts-expect-error a resource begins with a slash
      defineService({ items: { get: { answers: { ok: null } } } })
      // @ts-expect-error no such method
      defineService({ '/items': { head: { answers: { ok: null } } } })
      // @ts-expect-error a failure is no answer of a definition
      defineService({ '/items': { get: { answers: { not_found: null } } } })
    }
    expectTypeOf(wrong).toBeFunction()
  })

  it('the notification service', () => {
    async function use(client: ServiceClient<NotificationService>) {
      const subscription = { server: 'smp://a', notifierId: 'a', notifierKey: 'a', token: { id: 'a' } }
      const answer = await client.request('post', '/ntf/subscriptions', subscription)
      if (answer.status === 'created') {
        expectTypeOf(answer.data.status).toEqualTypeOf<
          'pending' | 'active' | 'inactive' | 'ended' | 'deleted' | 'auth' | 'error'
        >()
      }
      await client.request('post', '/ntf/subscriptions', [{ ...subscription, wait: 0 }])
      // @ts-expect-error a subscription has a token
      await client.request('post', '/ntf/subscriptions', { ...subscription, token: undefined })
      // @ts-expect-error a field of another type
      await client.request('put', '/ntf/tokens/:id/periodic', { minutes: '20' }, { params: { id: 'a' } })
    }
    expectTypeOf(use).toBeFunction()
  })
})
