// A full block of SUBs: our codecs against a loop written by hand for exactly this block.
import { randomBytes } from '@smpkit/crypto'
import { Writer } from '@smpkit/encoding'
import { commandFormat, packBlock, parseBlock, receiveCommand, smpVersions } from '@smpkit/smp-commands'
import { joinTransmission, writeBody } from '@smpkit/smp-commands/internal'
import { type Bench, compare, row } from './harness.js'

const count = 135
const version = smpVersions.max
const session = { version, sessionId: randomBytes(32) }
const subs = Array.from({ length: count }, () => ({
  auth: randomBytes(64),
  corrId: randomBytes(24),
  entityId: randomBytes(24),
}))

function ours() {
  const writer = new Writer()
  const transmissions = subs.map(({ auth, corrId, entityId }) => {
    writer.reset()
    writeBody(writer, corrId, entityId, (w) => commandFormat(version).write(w, { tag: 'SUB' }))
    return joinTransmission(version, auth, null, writer.view())
  })
  return parseBlock(packBlock(transmissions)).map((bytes) => receiveCommand(session, bytes))
}

/** The same bytes, and objects with the same fields, with every offset known. */
function byHand() {
  const size = 119
  const block = new Uint8Array(1 + count * (2 + size))
  block[0] = count
  let at = 1
  for (const { auth, corrId, entityId } of subs) {
    block[at + 1] = size
    block[at + 2] = 64
    block.set(auth, at + 3)
    block[at + 67] = 0x30
    block[at + 68] = 24
    block.set(corrId, at + 69)
    block[at + 93] = 24
    block.set(entityId, at + 94)
    block[at + 118] = 0x53
    block[at + 119] = 0x55
    block[at + 120] = 0x42
    at += 2 + size
  }
  const received = []
  const covered = new Uint8Array(count * 86)
  for (let i = 0, start = 1; i < count; i++, start += 2 + size) {
    const authorized = covered.subarray(i * 86, (i + 1) * 86)
    authorized[0] = 32
    authorized.set(session.sessionId, 1)
    authorized.set(block.subarray(start + 68, start + 121), 33)
    received.push({
      corrId: block.subarray(start + 69, start + 93),
      entityId: block.subarray(start + 94, start + 118),
      authorization: { kind: 'ed25519', auth: block.subarray(start + 3, start + 67), serviceSignature: null },
      authorized,
      command: { tag: 'SUB' },
    })
  }
  return received
}

export const block: Bench = {
  name: 'block of SUBs',
  async run() {
    return [row('write and read a full block of 135 SUBs', 'blocks/s', compare(ours, byHand), 0.4)]
  },
}
