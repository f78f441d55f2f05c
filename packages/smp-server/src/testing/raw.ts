// Transmissions as nobody would write them who reads the specification.
import { randomBytes } from '@smpkit/crypto'
import type { TestClient } from './test-client.js'

export interface RawTransmission {
  /** Default: none. */
  readonly auth?: Uint8Array
  readonly serviceSignature?: Uint8Array | null
  readonly entityId?: Uint8Array
  readonly corrId?: Uint8Array
  /** Text, or what comes of it with the bytes behind it. */
  readonly command: string | readonly (string | Uint8Array)[]
}

const empty: Uint8Array = new Uint8Array(0)
const utf8 = new TextEncoder()
const short = (bytes: Uint8Array) => [bytes.length, ...bytes]

/** For a session of `version`. */
export function rawTransmission(version: number, raw: RawTransmission): Uint8Array {
  const { auth = empty, serviceSignature = null, entityId = empty, corrId = randomBytes(24), command } = raw
  const slot = serviceSignature ? [0x31, ...short(serviceSignature)] : [0x30]
  const parts = typeof command === 'string' ? [command] : command
  return Uint8Array.from([
    ...short(auth),
    ...(auth.length > 0 && version >= 16 ? slot : []),
    ...short(corrId),
    ...short(entityId),
    ...parts.flatMap((part) => [...(typeof part === 'string' ? utf8.encode(part) : part)]),
  ])
}

/** What is answered first. */
export async function answerToRaw(client: TestClient, raw: RawTransmission) {
  const before = client.blocks.length
  await client.send([rawTransmission(client.session.version, raw)])
  await client.request({ tag: 'PING' })
  const answer = client.blocks[before]?.[0]
  if (!answer) throw new Error('expected an answer')
  return answer
}
