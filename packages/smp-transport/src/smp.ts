// Spec 03 §2, §3: what makes a connection one of SMP.

export const blockSize = 16384

export const alpnProtocol = 'smp/1'

/** What a server accepts: some clients call it so where a network lets only the web through. */
export const acceptedAlpnProtocols: readonly string[] = [alpnProtocol, 'h2', 'http/1.1']
