// Where there are sockets: TLS.
import { connectSmp } from '@smpkit/smp-transport'
import type { Connect } from './connect.js'

export const defaultConnect: Connect = connectSmp
