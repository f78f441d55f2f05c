// Spec 06 §7: resolving names.
import type { NameRecord } from '@smpkit/smp-commands'
import type { Requester, RequestOptions } from './requests.js'

/** `RSLV`, from version 20. @throws SmpReplyError `NAME` where there is no such name or no resolver */
export async function resolveName(requester: Requester, name: string, options?: RequestOptions): Promise<NameRecord> {
  return (await requester.request({ command: { tag: 'RSLV', name } }, options)).info
}
