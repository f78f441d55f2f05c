import { describe, expect, it, vi } from 'vitest'
import { isTemporary } from './answer.js'
import { defineService } from './definition.js'
import { ServiceFailure } from './errors.js'
import { createRouter, type HandlerFault, type Handlers } from './router.js'
import type { StandardSchemaV1 } from './standard-schema.js'
import { requestOf, type Shop, shop } from './testing/shop.js'

interface User {
  readonly user: string
}

const handlers: Handlers<Shop, User> = {
  '/': { get: ({ context }) => ({ status: 'ok', data: { name: context.user } }) },
  '/items': {
    get: ({ query }) => ({ status: 'ok', data: [{ id: 'limit', price: query.limit ?? 0 }] }),
    post: async ({ id }) => ({ status: 'created', data: { resource: `/items/${id}` } }),
    delete: () => ({ status: 'ok' }),
  },
  '/items/:id': {
    get: ({ params }) => ({ status: 'ok', data: { id: params.id, price: 1 } }),
    delete: () => {
      throw new ServiceFailure('forbidden', { reason: 'sold' })
    },
  },
}

const context = { user: 'alice' }

/** The router with some of its handlers replaced, and what it reported. */
function routerWith(changed: Partial<Handlers<Shop, User>> = {}) {
  const faults: HandlerFault[] = []
  const router = createRouter<Shop, User>(shop, { ...handlers, ...changed }, { onError: (fault) => faults.push(fault) })
  return { router, faults }
}

const ask = (...request: Parameters<typeof requestOf>) => routerWith().router.dispatch(requestOf(...request), context)

describe('a request is answered by its handler', () => {
  it('with its context, parameters, query, data and id', async () => {
    expect(await ask('get', '/')).toEqual({ status: 'ok', data: { name: 'alice' } })
    expect(await ask('get', '/items/a%2Fb')).toEqual({ status: 'ok', data: { id: 'a/b', price: 1 } })
    expect(await ask('get', '/items', { query: { limit: '7' } })).toMatchObject({ data: [{ price: 7 }] })
    expect(await ask('post', '/items', { data: { price: 5 } })).toEqual({
      status: 'created',
      data: { resource: '/items/abcdefgh' },
    })
    expect(await ask('delete', '/items', { data: [] })).toEqual({ status: 'ok' })
  })

  it('which gets the signal, and the data as the schema made it', async () => {
    const post = vi.fn(async () => ({ status: 'accepted' }) as const)
    const { router } = routerWith({ '/items': { ...handlers['/items'], post } })
    const { signal } = new AbortController()
    await router.dispatch(requestOf('post', '/items', { data: { price: 5, more: 6 } }), context, { signal })
    expect(post).toHaveBeenCalledWith({ id: 'abcdefgh', params: {}, query: {}, data: { price: 5 }, context, signal })
  })
})

describe('a request is refused', () => {
  it('with its own problem', async () => {
    const problem = { status: 'bad_request', data: { reason: 'version' } }
    expect(await ask('get', '/', { problem })).toBe(problem)
  })

  it.each(['/nothing', '/items/', '/items/a/b', '/toString', '/__proto__'])(
    'where there is no resource %s',
    async (resource) => {
      expect(await ask('get', resource)).toEqual({ status: 'not_found', data: { reason: 'resource' } })
    },
  )

  it.each(['put', 'brew', 'toString', '__proto__', ''])('where the resource has no method %j', async (method) => {
    const data = { reason: 'method', allow: ['get', 'post', 'delete'] }
    expect(await ask(method, '/items')).toEqual({ status: 'not_allowed', data })
  })

  it('where its data or query is not that of the definition', async () => {
    const message = 'expected a whole number from 0'
    const issues = [{ path: '/price', message }]
    expect(await ask('post', '/items', { data: { price: 'x' } })).toEqual({
      status: 'bad_request',
      data: { reason: 'data', issues },
    })
    expect(await ask('post', '/items')).toMatchObject({ status: 'bad_request', data: { issues: [{ path: '' }] } })
    expect(await ask('get', '/items', { query: { limit: '10' } })).toMatchObject({
      status: 'bad_request',
      data: { reason: 'query', issues: [{ path: '/limit' }] },
    })
  })

  it('where its list is too long', async () => {
    const sized = (length: number) => ask('delete', '/items', { data: Array(length).fill('a') })
    expect(await sized(3)).toEqual({ status: 'ok' })
    expect(await sized(4)).toEqual({ status: 'too_large', data: { reason: 'list', max: 3 } })
  })

  it('by its handler', async () => {
    expect(await ask('delete', '/items/a')).toEqual({ status: 'forbidden', data: { reason: 'sold' } })
  })
})

describe('a handler that fails', () => {
  const failing = (error: unknown) =>
    routerWith({
      '/': {
        get: () => {
          throw error
        },
      },
    })

  it('is answered without a detail, by an id that the operator gets too', async () => {
    const error = new Error('the password is hunter2')
    const { router, faults } = failing(error)
    const answer = await router.dispatch(requestOf('get', '/'), context)
    expect(faults).toEqual([{ error, errorId: expect.stringMatching(/^[\w-]{16}$/), method: 'get', pattern: '/' }])
    expect(answer).toEqual({ status: 'error', data: { reason: 'error', id: faults[0]?.errorId } })
    expect(isTemporary(answer.status)).toBe(true)
  })

  it('because the service stops is answered so', async () => {
    const { router, faults } = failing(new Error('aborted'))
    const answer = await router.dispatch(requestOf('get', '/'), context, { signal: AbortSignal.abort() })
    expect(answer).toEqual({ status: 'unavailable', data: { reason: 'stopping', retryAfter: 1 } })
    expect(faults).toEqual([])
  })

  it('is answered also where the log fails', async () => {
    const router = createRouter<Shop, User>(
      shop,
      { ...handlers, '/': { get: () => Promise.reject(new Error('broken')) } },
      {
        onError: () => {
          throw new Error('no log')
        },
      },
    )
    expect(await router.dispatch(requestOf('get', '/'), context)).toMatchObject({ status: 'error' })
  })
})

describe('schemas of others', () => {
  const schemaOf = (validate: StandardSchemaV1['~standard']['validate']): StandardSchemaV1 => ({
    '~standard': { version: 1, vendor: 'other', validate },
  })
  const dispatch = (schema: StandardSchemaV1, onError?: (fault: HandlerFault) => void) => {
    const service = defineService({ '/': { post: { data: schema, answers: { ok: schema } } } })
    const options = onError ? { onError } : {}
    const router = createRouter<typeof service>(
      service,
      { '/': { post: ({ data }) => ({ status: 'ok', data }) } },
      options,
    )
    return router.dispatch(requestOf('post', '/', { data: 5 }), undefined)
  }

  it('may wait, and change the value', async () => {
    expect(await dispatch(schemaOf(async (value) => ({ value: `${value}!` })))).toEqual({ status: 'ok', data: '5!' })
  })

  it('name the path as they like', async () => {
    const issues = [{ message: 'no', path: ['a/b', { key: 'c~d' }, 0] }, { message: 'never' }]
    expect(await dispatch(schemaOf(() => ({ issues })))).toEqual({
      status: 'bad_request',
      data: {
        reason: 'data',
        issues: [
          { path: '/a~1b/c~0d/0', message: 'no' },
          { path: '', message: 'never' },
        ],
      },
    })
  })

  it('cannot make the answer long', async () => {
    const issues = Array.from({ length: 1000 }, () => ({ message: 'x'.repeat(1000), path: Array(1000).fill('y') }))
    const { data } = await dispatch(schemaOf(() => ({ issues })))
    expect(JSON.stringify(data).length).toBeLessThan(8000)
  })

  it('that throw are a fault of the service', async () => {
    const onError = vi.fn()
    const answer = await dispatch(
      schemaOf(() => Promise.reject(new Error('broken'))),
      onError,
    )
    expect(answer).toMatchObject({ status: 'error' })
    expect(onError).toHaveBeenCalledOnce()
  })
})
