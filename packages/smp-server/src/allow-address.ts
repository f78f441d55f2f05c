// Which addresses a proxy may connect to when the operator does not say: clients choose them.
import { addressPolicy, isGlobalUnicast } from '@smpkit/smp-commands/address'

/** Whether an IP address is of the public Internet. */
export const isPublic: (ip: string) => boolean = isGlobalUnicast

/** For tests and development, where all servers are on one machine. */
export const isPublicOrLoopback: (ip: string) => boolean = addressPolicy({ allow: ['127.0.0.0/8', '::1'] })
