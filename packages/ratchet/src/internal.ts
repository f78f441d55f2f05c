// For the vector runner and the benchmarks of this repository.
export { chainKdf, rootKdf } from './kdf.js'
export { encryptedHeader, messageHeader, paddedHeaderLength } from './message.js'
