import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressPolicy, checkAddresses, isGlobalUnicast } from './global-unicast.js'

const teredo = (server: string, client: string) => `2001:0:${server}:0:0:${client}`

describe('global unicast', () => {
  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.1',
    '192.88.98.1',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450::1',
    '2001:200::1',
    '2620:4f:8000::1',
  ])('is %s', (ip) => expect(isGlobalUnicast(ip)).toBe(true))

  it.each([
    ['mapped', '::ffff:8.8.8.8'],
    ['mapped', '::FFFF:0808:0808'],
    ['NAT64', '64:ff9b::8.8.8.8'],
    ['6to4', '2002:808:808::1'],
    ['Teredo', teredo('808:808', 'f7f7:f7f7')],
  ])('is public IPv4, %s as %s', (_, ip) => expect(isGlobalUnicast(ip)).toBe(true))

  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.1.2.3',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::7f00:1',
    '::8.8.8.8',
    '::ffff:0:8.8.8.8',
    '100::1',
    '100:0:0:1::1',
    '2001:2::1',
    '2001:10::1',
    '2001:20::1',
    '2001:1ff:ffff::1',
    '2001:db8::1',
    '3fff::1',
    '3fff:fff::1',
    '4000::1',
    '5f00::1',
    'fc00::1',
    'fdff::1',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  ])('is not %s', (ip) => expect(isGlobalUnicast(ip)).toBe(false))

  it.each([
    ['mapped', '::ffff:127.0.0.1'],
    ['mapped', '0:0:0:0:0:ffff:a01:203'],
    ['NAT64', '64:ff9b::7f00:1'],
    ['NAT64', '64:ff9b::169.254.169.254'],
    ['local NAT64', '64:ff9b:1::8.8.8.8'],
    ['beside NAT64', '64:ff9b::1:808:808'],
    ['6to4', '2002:7f00:1::'],
    ['6to4', '2002:c0a8:101::1'],
    ['Teredo with a private client', teredo('808:808', '80ff:fffe')],
    ['Teredo with a private server', teredo('a00:1', 'f7f7:f7f7')],
  ])('is not private IPv4, %s as %s', (_, ip) => expect(isGlobalUnicast(ip)).toBe(false))

  it.each([
    '',
    'localhost',
    '8.8.8',
    '8.8.8.8.8',
    '8.8.8.256',
    '08.8.8.8',
    '8.8.8.010',
    '0x8.8.8.8',
    '134744072',
    ' 8.8.8.8',
    '8.8.8.8 ',
    '8.8.8.8%eth0',
    '8.8.8.8/32',
    '٨.8.8.8',
    '[2606:4700::1]',
    '2606:4700::1%eth0',
    '2606:4700::1::',
    '2606:4700',
    '::ffff:8.8.8.010',
    '::ffff:8.8.8',
    '2606:4700::12345',
  ])('is not what has no usual spelling: %j', (ip) => expect(isGlobalUnicast(ip)).toBe(false))

  it('is decided for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV6(), fc.ipV4()), (ip) => typeof isGlobalUnicast(ip) === 'boolean'),
    )
  })

  it('is the same for IPv4 in all that leads to it', () => {
    fc.assert(
      fc.property(fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)), ([a, b, c, d]) => {
        const ip = `${a}.${b}.${c}.${d}`
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
        for (const text of [`::ffff:${ip}`, `64:ff9b::${ip}`, `2002:${hex}::1`]) {
          expect(isGlobalUnicast(text)).toBe(isGlobalUnicast(ip))
        }
      }),
    )
  })
})

describe('a policy', () => {
  it('without exceptions is global unicast', () => {
    const policy = addressPolicy()
    expect(['8.8.8.8', '127.0.0.1', '::1', '10.0.0.1', 'localhost'].filter(policy)).toEqual(['8.8.8.8'])
  })

  it('allows also the networks and addresses that it is given, and only them', () => {
    const policy = addressPolicy({ allow: ['127.0.0.0/8', '10.128.0.0/9', '192.168.1.7', 'fd00::/8', '::1/128'] })
    const allowed = [
      '127.0.0.1',
      '127.255.0.1',
      '10.128.0.0',
      '10.255.255.255',
      '192.168.1.7',
      'fd12::1',
      '::1',
      '8.8.8.8',
    ]
    const refused = ['0.0.0.1', '10.127.255.255', '192.168.1.6', 'fc00::1', '::2', '169.254.169.254']
    expect([...allowed, ...refused].filter(policy)).toEqual(allowed)
  })

  it('with IPv4 holds for its mapped form, and not for what leads there by other ways', () => {
    const policy = addressPolicy({ allow: ['127.0.0.0/8'] })
    expect(['::ffff:127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::'].filter(policy)).toEqual(['::ffff:127.0.0.1'])
  })

  it('may allow everything of one family', () => {
    const policy = addressPolicy({ allow: ['0.0.0.0/0'] })
    expect(['0.0.0.0', '255.255.255.255', '::1', '127.1'].filter(policy)).toEqual(['0.0.0.0', '255.255.255.255'])
  })

  it.each([
    ['', 'a network'],
    ['localhost', 'a network'],
    ['10.0.0.0/8/8', 'a network'],
    ['010.0.0.0/8', 'a network'],
    ['10.0.0.0/', '0 to 32'],
    ['10.0.0.0/33', '0 to 32'],
    ['10.0.0.0/-1', '0 to 32'],
    ['10.0.0.0/255.0.0.0', '0 to 32'],
    ['fd00::/129', '0 to 128'],
    ['10.0.0.1/8', 'after its prefix'],
    ['fd00::1/64', 'after its prefix'],
    ['::ffff:10.0.0.0/104', 'IPv4 in its own form'],
  ])('refuses the network %j, and says why', (network, why) => {
    const error = { name: 'AddressError', code: 'ADDRESS', message: expect.stringContaining(why) }
    expect(() => addressPolicy({ allow: [network] })).toThrow(expect.objectContaining(error))
  })
})

describe('the addresses of a name', () => {
  it('are spelled as usual', () => {
    const addresses = ['8.8.8.8', '::ffff:808:808', '2606:4700:0:0:0:0:0:1']
    expect(checkAddresses(addresses, isGlobalUnicast)).toEqual(['8.8.8.8', '8.8.8.8', '2606:4700::1'])
  })

  it.each([['10.0.0.1'], ['::ffff:a00:1'], ['fe80::1%eth0'], ['localhost'], ['2130706433']])(
    'are refused together where one of them is %s',
    (other) => {
      for (const addresses of [[other], ['8.8.8.8', other], [other, '8.8.8.8']]) {
        expect(checkAddresses(addresses, isGlobalUnicast)).toBeUndefined()
      }
    },
  )

  it('are asked about as they will be connected to', () => {
    const asked: string[] = []
    const allowed = (ip: string) => asked.push(ip) > 0
    expect(checkAddresses(['::ffff:7f00:1', '::1'], allowed)).toEqual(['127.0.0.1', '::1'])
    expect(asked).toEqual(['127.0.0.1', '::1'])
  })
})
