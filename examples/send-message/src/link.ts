// What a link tells before anybody is asked.
import { createHash } from 'node:crypto'
import { LinkError, parseLink, requireServer } from '@smpkit/smp-agent/links'
import { serverAddressToText } from '@smpkit/smp-commands/address'

/** The server that the link names, where a queue of ours is as good as anywhere. @throws LinkError */
export function serverOfLink(text: string): string {
  const link = parseLink(text)
  const server = link.form === 'short' ? requireServer(link, []).server : link.queues[0]?.server
  if (!server) throw new LinkError('SYNTAX', 'expected a link with a queue')
  return serverAddressToText(server)
}

/** What a link is remembered by: it may hold keys. */
export const linkId = (text: string): string => createHash('sha256').update(text.trim()).digest('base64url')
