export { sealInPlace } from './box.js'
export { DerReader, derBitString, derElement, derObjectId, derSequence, tags } from './der.js'
export { isSignedKey } from './signed-key.js'
