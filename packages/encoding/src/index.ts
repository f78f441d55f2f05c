export { fromBase64url, toBase64url, toBase64urlUnpadded } from './base64url.js'
export { concat, equalBytes, shortLived, toHex, toMapKey } from './bytes.js'
export {
  bool,
  byte,
  type Codec,
  decode,
  encode,
  fixedBytes,
  int64,
  largeBytes,
  letters,
  list,
  mapped,
  nonce,
  optional,
  record,
  seconds,
  shortBytes,
  tagged,
  tail,
  text,
  type Value,
  word16,
  word32,
} from './codec.js'
export { DecodeError, EncodeError } from './errors.js'
export { nonceFromBytes, nonceFromText, nonceLength, reverseNonce } from './nonce.js'
export { pad, padInto, unpad } from './padding.js'
export { Reader } from './reader.js'
export {
  includes,
  intersect,
  type VersionRange,
  versionRange,
  versionRangeFromText,
  versionRangeToText,
} from './version-range.js'
export { Writer } from './writer.js'
