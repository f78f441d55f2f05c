import { expect, it, vi } from 'vitest'
import { onAbort } from './abort.js'

it('tells everybody who still listens, with one event listener', () => {
  const control = new AbortController()
  const added = vi.spyOn(control.signal, 'addEventListener')
  const heard: string[] = []
  const cancel = onAbort(control.signal, () => heard.push('cancelled'))
  for (const name of ['a', 'b']) onAbort(control.signal, () => heard.push(name))
  cancel()
  control.abort()
  expect(heard).toEqual(['a', 'b'])
  expect(added).toHaveBeenCalledOnce()
})

it('is nothing without a signal', () => {
  expect(onAbort(undefined, () => {})).toBeTypeOf('function')
})
