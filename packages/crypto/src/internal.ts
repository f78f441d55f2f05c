export { sealInPlace } from './box.js'
export { DerReader, derBitString, derElement, derObjectId, derSequence, tags } from './der.js'
