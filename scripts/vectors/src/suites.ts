// Which suite of the vectors is run by which operations, and which wait for packages that are not there yet.
import { addressSuite } from './address.js'
import { agentEnvelopeSuite, agentMessageSuite, clientMessageSuite, hashSuite, queueInfoSuite } from './agent.js'
import { nmsgMetaSuite, proxySuite, rcvBodySuite } from './bodies.js'
import { fingerprintSuite, linkSuite, signedKeySuite } from './certificates.js'
import { commandSuite, messageSuite } from './commands.js'
import { authenticatorSuite, blockChainSuite, boxSuite } from './crypto.js'
import { encodingSuite } from './encoding.js'
import { handshakeSuite } from './handshake.js'
import { kemSuite } from './kem.js'
import { keysSuite } from './keys.js'
import { fullLinkSuite, linkDataSuite, shortLinkSuite } from './links.js'
import { ntfAddressSuite, ntfCommandSuite, ntfResponseSuite, ntfTextSuite } from './ntf.js'
import { ntfHandshakeSuite, ntfTransmissionSuite } from './ntf-transmission.js'
import { apnsSuite, encryptSuite, itemsSuite, regcodeSuite, responseSuite } from './push.js'
import { ratchetKdfSuite, ratchetParamsSuite, ratchetX3dhSuite } from './ratchet.js'
import { ratchetDecryptSuite } from './ratchet-replay.js'
import type { Registry } from './runner.js'
import { serviceMessageSuite, serviceNotificationSuite } from './service.js'
import { batchSuite, transmissionSuite } from './transmission.js'

export const registry: Registry = {
  suites: {
    address: addressSuite,
    'agent.client-message': clientMessageSuite,
    'agent.envelope': agentEnvelopeSuite,
    'agent.hash': hashSuite,
    'agent.message': agentMessageSuite,
    'crypto.authenticator': authenticatorSuite,
    'crypto.block-chain': blockChainSuite,
    'crypto.box': boxSuite,
    'crypto.fingerprint': fingerprintSuite,
    'crypto.link': linkSuite,
    'crypto.nmsg-meta': nmsgMetaSuite,
    'crypto.proxy': proxySuite,
    'crypto.rcv-body': rcvBodySuite,
    'crypto.signed-key': signedKeySuite,
    encoding: encodingSuite,
    'kem.sntrup761': kemSuite,
    keys: keysSuite,
    'link.data': linkDataSuite,
    'link.full': fullLinkSuite,
    'link.short': shortLinkSuite,
    'ntf.address': ntfAddressSuite,
    'ntf.command': ntfCommandSuite,
    'ntf.handshake': ntfHandshakeSuite,
    'ntf.response': ntfResponseSuite,
    'ntf.text': ntfTextSuite,
    'ntf.transmission': ntfTransmissionSuite,
    'push.apns': apnsSuite,
    'push.encrypt': encryptSuite,
    'push.items': itemsSuite,
    'push.regcode': regcodeSuite,
    'push.response': responseSuite,
    'queue-info': queueInfoSuite,
    'ratchet.decrypt': ratchetDecryptSuite,
    'ratchet.kdf': ratchetKdfSuite,
    'ratchet.params': ratchetParamsSuite,
    'ratchet.x3dh': ratchetX3dhSuite,
    'service.message': serviceMessageSuite,
    'service.notification': serviceNotificationSuite,
    'smp.batch': batchSuite,
    'smp.command': commandSuite,
    'smp.handshake': handshakeSuite,
    'smp.message': messageSuite,
    'smp.transmission': transmissionSuite,
  },
  pending: new Set(),
}
