import { describe, expect, it } from 'vitest'
import { readWish } from './notification-command.js'
import { Refusal } from './refusal.js'

const read = (text: string) => readWish(text.split(' '))

describe('what is typed after /notifications on', () => {
  it('says where pushes come from and to', () => {
    const none = { url: undefined, cert: undefined, key: undefined }
    expect(read('link --provider webhook --listen 127.0.0.1:8443')).toEqual({
      ...{ address: 'link', provider: 'webhook', host: '127.0.0.1', port: 8443 },
      ...none,
    })
    expect(read('--provider webpush --listen [::1]:0 link --url https://a.example:1/ --cert c --key k')).toEqual({
      ...{ address: 'link', provider: 'webpush', host: '::1', port: 0 },
      ...{ url: 'https://a.example:1', cert: 'c', key: 'k' },
    })
  })

  it('says to which device of Apple, and where its stand-in writes what comes', () => {
    const expected = { address: 'ntf://a@b', provider: 'apns_test' }
    expect(read('ntf://a@b --provider apns_test')).toEqual({ ...expected, token: undefined, log: undefined })
    expect(read('ntf://a@b --provider apns_test --token ab --push-log f')).toEqual({
      ...expected,
      token: 'ab',
      log: 'f',
    })
  })

  it('cannot be an endpoint of our own where the server pushes to Apple alone', () => {
    expect(() => read('ntf://a@b --provider webpush --listen localhost:1')).toThrow(/to devices of Apple alone/)
  })

  it.each([
    'link',
    'ntf://a@b --provider apns_other',
    'ntf://a@b --provider apns_test --listen a:1',
    'link --provider webhook --listen a:1 --token ab',
    'link --provider webhook --listen a:1 --push-log f',
    '--provider webhook --listen a:1',
    'link other --provider webhook --listen a:1',
    'link --provider fcm --listen a:1',
    'link --provider webhook',
    'link --provider webhook --listen a',
    'link --provider webhook --listen a:65536',
    'link --provider webhook --listen a:1 --cert c',
    'link --provider webhook --listen a:1 --key k',
    'link --provider webhook --listen a:1 --url http://a',
    'link --provider webhook --listen a:1 --url https://a/path',
    'link --provider webhook --listen a:1 --url https://a?b',
    'link --provider webhook --listen a:1 --url a',
    'link --provider webhook --listen a:1 --what',
    'link --provider webhook --listen a:1 --cert',
  ])('is refused where it is %s', (text) => expect(() => read(text)).toThrow(Refusal))
})
