export { connectNtf, type NtfConnectOptions } from './connect-ntf.js'
export { listenNtf, type NtfListenOptions, type NtfServerSocket } from './listen-ntf.js'
