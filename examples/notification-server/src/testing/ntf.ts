// What tests of the program share about the NTF protocol: a data folder that has it, and an app's end.
import fs from 'node:fs'
import { PrivateKey } from '@smpkit/crypto'
import type { NtfCommandOf } from '@smpkit/ntf-protocol'
import { openPush, tokenSecret } from '@smpkit/push-providers/payload'
import type { ApnsFake } from '@smpkit/push-providers/testing'
import { expect } from 'vitest'
import { freePort, inFolder, run } from './program.js'

/** `init` in the folder `data`, to serve at some port of this machine; gives the port. */
export async function initNtf(...args: string[]): Promise<number> {
  const port = await freePort()
  const ntf = ['--ntf', '127.0.0.1', '--set', `ntf.listen=127.0.0.1:${port}`]
  expect(await run('init', '--data', 'data', ...ntf, ...args)).toMatchObject({ code: 0 })
  return port
}

/** What the command prints. */
export const address = async (): Promise<string> => (await run('address', '--data', 'data')).stdout.trim()

/** Arguments of `init`: `apns_test` with the fake as its far end. */
export function apnsTest({ options }: ApnsFake): string[] {
  const { topic, teamId, keyId, key, host, port, ca } = options
  fs.writeFileSync(inFolder('apns.p8'), key)
  fs.writeFileSync(inFolder('ca.pem'), String(ca))
  const values = { topic, team_id: teamId, key_id: keyId, key_file: '../apns.p8' }
  const test = { host, port, ca_file: '../ca.pem' }
  return [
    ...['--provider', 'apns.test'],
    ...Object.entries(values).flatMap(([name, value]) => ['--set', `providers.apns.${name}=${value}`]),
    ...Object.entries(test).flatMap(([name, value]) => ['--set', `providers.apns.test.${name}=${value}`]),
  ]
}

interface Phone {
  readonly key: PrivateKey<'ed25519'>
  readonly dhKey: PrivateKey<'x25519'>
  readonly register: NtfCommandOf<'TNEW'>
}

/** An app with the device token `xyzw` of `apns_test`. */
export function phone(): Phone {
  const [key, dhKey] = [PrivateKey.generate('ed25519'), PrivateKey.generate('x25519')]
  const token = new TextEncoder().encode('xyzw')
  const register = { tag: 'TNEW', provider: 'AT', token, authKey: key.publicKey, dhKey: dhKey.publicKey } as const
  return { key, dhKey, register }
}

/** Of the first push to the phone, which must be one for verification. */
export async function verificationCode(
  { pushes }: ApnsFake,
  { dhKey }: Phone,
  serverKey: PrivateKey<'x25519'>['publicKey'],
): Promise<Uint8Array> {
  while (pushes.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  const [push] = pushes
  expect(push?.path).toBe('/3/device/xyzw')
  const opened = openPush(tokenSecret(dhKey, serverKey), JSON.parse(push?.body ?? '').notificationData)
  if (opened.kind !== 'verification') throw new Error(`expected a push for verification, got one for ${opened.kind}`)
  return opened.code
}
