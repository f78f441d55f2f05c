import { afterEach, describe, expect, it } from 'vitest'
import { type HttpListener, type HttpSources, listenHttp } from './http.js'

const listeners: HttpListener[] = []
afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close()
})

async function listen(
  sources: Partial<HttpSources>,
): Promise<(path: string, method?: string) => Promise<[number, string]>> {
  const listener = await listenHttp(
    { host: '127.0.0.1', port: 0 },
    {
      metrics: async () => ({ type: 'text/plain', text: 'x 1\n' }),
      notReady: () => undefined,
      ...sources,
    },
  )
  listeners.push(listener)
  return async (path, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${listener.port}${path}`, { method })
    return [response.status, await response.text()]
  }
}

describe('the HTTP listener', () => {
  it('gives metrics, and says ok when all is well', async () => {
    const get = await listen({})
    expect(await get('/metrics?x=1')).toEqual([200, 'x 1\n'])
    expect(await get('/healthz')).toEqual([200, 'ok\n'])
    expect(await get('/readyz')).toEqual([200, 'ok\n'])
    expect(await get('/readyz', 'HEAD')).toEqual([200, ''])
  })

  it('tells alive from ready: a stand-by is only the first', async () => {
    const get = await listen({ notReady: () => 'waiting for the database' })
    expect(await get('/healthz')).toEqual([200, 'ok\n'])
    expect(await get('/readyz')).toEqual([503, 'waiting for the database\n'])
  })

  it('refuses other paths and methods, and survives metrics that fail', async () => {
    const get = await listen({ metrics: () => Promise.reject(new Error('hunter2')) })
    expect((await get('/'))[0]).toBe(404)
    expect((await get('/metrics', 'POST'))[0]).toBe(405)
    expect(await get('/metrics')).toEqual([500, 'failed\n'])
    expect((await get('/healthz'))[0]).toBe(200)
  })

  it('rejects when its address is taken', async () => {
    await listen({})
    const port = listeners[0]?.port ?? 0
    const again = listenHttp({ host: '127.0.0.1', port }, {} as HttpSources)
    await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})
