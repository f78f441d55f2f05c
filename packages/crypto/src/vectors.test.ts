// The recorded vectors of this package's suites, on both platforms.
import { decode, encode } from '@smpkit/encoding'
import { describe, expect, it, vi } from 'vitest'
import { fromHex, toHex, type VectorCase, vectorCases } from './testing/vectors.js'

type Crypto = typeof import('./index.js')
type Op = (crypto: Crypto, values: (name: string) => Uint8Array, c: VectorCase) => unknown

/** What the case's `out` or `value` must equal; bytes as hex. */
const ops: Record<string, Op> = {
  roundtrip: decodeKey,
  decode: decodeKey,
  'public-of-private': (c, v) => ({ publicKey: toHex(c.PrivateKey.fromDer(v('privateKey')).publicKey.toDer()) }),
  dh: (c, v) => ({ secret: toHex(dhOf(c, v('privateKey'), v('publicKey'))) }),
  sign: (c, v) => ({ signature: toHex(c.sign(signer(c, v('privateKey')), v('message'))) }),
  verify: (c, v) => ({ valid: c.verify(verifier(c, v('publicKey')), v('message'), v('signature')) }),

  box: (c, v) => ({ ciphertext: toHex(c.box(v('secretRaw'), v('nonce'), v('message'))) }),
  'box-padded': (c, v, k) => ({
    ciphertext: toHex(c.boxPadded(v('secretRaw'), v('nonce'), v('message'), k.in.paddedLength as number)),
  }),
  unbox: (c, v) => ({ message: toHex(c.openBox(v('secretRaw'), v('nonce'), v('ciphertext'))) }),
  'unbox-padded': (c, v) => ({ message: toHex(c.openBoxPadded(v('secretRaw'), v('nonce'), v('ciphertext'))) }),
  'dh-box': (c, v, k) => {
    const secret = dhOf(c, v('privateKey'), v('publicKey'))
    const ciphertext = toHex(c.boxPadded(secret, v('nonce'), v('message'), k.in.paddedLength as number))
    return { secret: toHex(secret), ciphertext }
  },

  authenticate: (c, v) => ({
    authenticator: toHex(
      c.authenticate(x25519(c, v('privateKey')), x25519Public(c, v('serverPublicKey')), v('corrId'), v('message')),
    ),
  }),
  'verify-authenticator': (c, v) => ({
    valid: c.verifyAuthenticator(
      x25519Public(c, v('publicKey')),
      x25519(c, v('serverPrivateKey')),
      v('corrId'),
      v('message'),
      v('authenticator'),
    ),
  }),

  'block-chain': blockChain,
  'block-receive': (c, v, k) => {
    const chains = c.blockChains(v('sessionId'), v('secret'))
    const chain = k.in.direction === 'server-to-client' ? chains.serverToClient : chains.clientToServer
    const results = (k.in.blocks as string[]).map((block) => {
      try {
        return { payload: toHex(chain.open(fromHex(block))) }
      } catch (error) {
        return { error: codeOf(error) }
      }
    })
    return { results }
  },
  hkdf: (c, v, k) => ({
    output: toHex(c.hkdfSha512(v('salt'), v('ikm'), k.in.info as string, k.in.length as number)),
  }),

  fingerprint: (c, v) => ({ sha256: toHex(c.fingerprint(v('certificate'))) }),
  'chain-shape': (c, _, k) => {
    const shape = c.chainShape((k.in.chain as string[]).map(fromHex))
    if (shape.shape === 'empty' || shape.shape === 'long') return { shape: shape.shape }
    const identity = toHex(c.fingerprint(shape.identity))
    if (shape.shape === 'self') return { shape: 'self', identity }
    return {
      shape: 'valid',
      identity,
      leaf: toHex(c.fingerprint(shape.leaf)),
      root: toHex(c.fingerprint(shape.root)),
    }
  },
  'validate-chain': (c, v, k) => {
    try {
      c.checkServerChain((k.in.chain as string[]).map(fromHex), v('keyHash'), new Date('2026-01-01'))
      return { valid: true }
    } catch (error) {
      expect(error).toMatchObject({ name: 'CertificateError' })
      return { valid: false }
    }
  },

  'link-kdf': (c, v) => {
    const { linkId, dataKey } = c.contactLinkKeys(v('linkKey'))
    const invitation = c.invitationLinkKeys(v('linkKey'))
    return {
      contactLinkId: toHex(linkId),
      contactDataKeyRaw: toHex(dataKey),
      invitationDataKeyRaw: toHex(invitation.dataKey),
    }
  },
  'link-key': (c, v) => ({ linkKey: toHex(c.linkKey(v('fixedData'))) }),
  'sender-id': (c, v) => ({ senderId: toHex(c.senderIdOf(v('corrId'))) }),
  'encrypt-link-item': (c, v, k) => {
    const { data, kind } = k.in as { data: string | { length: number; fill: string }; kind: 'fixed' | 'user' }
    const plain = typeof data === 'string' ? fromHex(data) : fromHex(data.fill.repeat(data.length))
    const root = c.PrivateKey.fromDer(v('rootPrivateKey'))
    if (!root.is('ed25519')) throw new Error('not an Ed25519 key')
    const { dataKey } = c.invitationLinkKeys(v('linkKey'))
    const sealed = c.sealLinkItem(kind, dataKey, root, v('nonce'), plain)
    expect(toHex(c.openLinkItem(dataKey, root.publicKey, sealed))).toBe(toHex(plain))
    const out = { length: sealed.length, prefix: toHex(sealed.subarray(0, 80)), sha256: toHex(c.sha256(sealed)) }
    return k.out?.bytes === undefined ? out : { ...out, bytes: toHex(sealed) }
  },

  'sign-key': (c, v) => ({
    signedKey: toHex(c.signKey(signer(c, v('signingKey')), c.PublicKey.fromDer(v('publicKey')))),
  }),
  'verify-signed-key': (c, v) => {
    const { publicKey } = c.parseCertificate(v('certificate'))
    if (!publicKey) throw new Error('no signing key')
    return { publicKey: toHex(c.verifySignedKey(publicKey, v('signedKey')).toDer()) }
  },
}

function decodeKey(c: Crypto, _: unknown, { type, bytes, op }: VectorCase): unknown {
  const der = fromHex(bytes)
  if (type === 'x25519KeyField') return toHex(decode(c.dhKey, field(der)).toDer())
  const key =
    type === 'authKey'
      ? decode(c.authKey, field(der))
      : type === 'publicKey'
        ? c.PublicKey.fromDer(der)
        : c.PrivateKey.fromDer(der)
  if (op === 'roundtrip') {
    const from = key instanceof c.PublicKey ? c.PublicKey.fromRaw : c.PrivateKey.fromRaw
    expect(toHex(from(key.algorithm, key.toRaw()).toDer())).toBe(bytes)
    if (key instanceof c.PublicKey) expect(toHex(encode(c.publicKey, key))).toBe(toHex(field(der)))
  }
  return { algorithm: key.algorithm, keyRaw: toHex(key.toRaw()) }
}

const field = (der: Uint8Array) => Uint8Array.of(der.length, ...der)

function signer(c: Crypto, der: Uint8Array) {
  const key = c.PrivateKey.fromDer(der)
  if (!key.is('ed25519', 'ed448')) throw new Error('not a signing key')
  return key
}

function verifier(c: Crypto, der: Uint8Array) {
  const key = c.PublicKey.fromDer(der)
  if (!key.is('ed25519', 'ed448')) throw new Error('not a signing key')
  return key
}

function x25519(c: Crypto, der: Uint8Array) {
  const key = c.PrivateKey.fromDer(der)
  if (!key.is('x25519')) throw new Error('not an X25519 key')
  return key
}

function x25519Public(c: Crypto, der: Uint8Array) {
  const key = c.PublicKey.fromDer(der)
  if (!key.is('x25519')) throw new Error('not an X25519 key')
  return key
}

function dhOf(c: Crypto, privateDer: Uint8Array, publicDer: Uint8Array): Uint8Array {
  const [privateKey, publicKey] = [c.PrivateKey.fromDer(privateDer), c.PublicKey.fromDer(publicDer)]
  if (privateKey.is('x25519') && publicKey.is('x25519')) return c.dh(privateKey, publicKey)
  if (privateKey.is('x448') && publicKey.is('x448')) return c.dh(privateKey, publicKey)
  throw new Error('not keys of one algorithm')
}

interface BlockOut {
  direction: 'server-to-client' | 'client-to-server'
  payload: string
  block?: string
}

function blockChain(c: Crypto, v: (name: string) => Uint8Array, k: VectorCase): unknown {
  const secret = dhOf(c, v('clientPrivateKey'), v('serverPublicKey'))
  const initial = c.initialChainKeys(v('sessionId'), secret)
  const sealing = c.blockChains(v('sessionId'), secret)
  const opening = c.blockChains(v('sessionId'), secret)
  const next = { ...initial }
  const blocks = (k.out as { blocks: BlockOut[] }).blocks.map(({ direction, payload, block: whole }) => {
    const side = direction === 'server-to-client' ? 'serverToClient' : 'clientToServer'
    const { chainKey, key, nonce } = c.nextBlockKey(next[side])
    next[side] = chainKey
    const block = sealing[side].seal(fromHex(payload), k.in.blockSize as number)
    const got = {
      direction,
      payload: toHex(opening[side].open(block)),
      keyRaw: toHex(key),
      nonce: toHex(nonce),
      blockSha256: toHex(c.sha256(block)),
      blockPrefix: toHex(block.subarray(0, 48)),
    }
    return whole === undefined ? got : { ...got, block: toHex(block) }
  })
  return {
    secret: toHex(secret),
    serverToClientKeyRaw: toHex(initial.serverToClient),
    clientToServerKeyRaw: toHex(initial.clientToServer),
    blocks,
  }
}

const typedErrors = ['CryptoError', 'KeyError', 'CertificateError', 'DecodeError', 'EncodeError']

/** The code by which the vectors call a typed error; anything else is thrown on. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !typedErrors.includes(error.name)) throw error
  return error.name === 'DecodeError' ? 'INVALID' : String((error as Error & { code: string }).code)
}

const suites = [
  'keys',
  'crypto-box',
  'crypto-authenticator',
  'crypto-block-chain',
  'crypto-fingerprint',
  'crypto-link',
  'crypto-signed-key',
]

for (const platform of ['node', 'web'] as const) {
  vi.resetModules()
  vi.doMock('#platform', () => (platform === 'node' ? import('./platform-node.js') : import('./platform-web.js')))
  const crypto = await import('./index.js')
  describe.each(suites)(`%s on ${platform}`, (suite) => {
    it.each(vectorCases(suite))('$id', (c) => {
      const op = ops[c.op]
      if (!op) throw new Error(`unknown op ${c.op}`)
      const expected = c.out ?? c.value
      let got: unknown
      try {
        got = op(crypto, (name) => fromHex(c.in[name]), c)
      } catch (error) {
        const code = codeOf(error)
        if (c.lax) return
        expect(c.error, `typed error ${code}`).toBeDefined()
        if (c.error !== 'any') expect(code).toBe(c.error)
        return
      }
      expect(got).toEqual(expected)
    })
  })
}
