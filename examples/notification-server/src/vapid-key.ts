// RFC 8292: the keys that say who sends Web Pushes, in a file of their own.
import fs from 'node:fs'
import { generateVapidKeys } from '@smpkit/push-providers/webpush'

/** A new pair as JSON, unless there is a file of this name: devices subscribe for pushes of one key. */
export function createVapidKeys(file: string): void {
  if (fs.existsSync(file)) return
  fs.writeFileSync(file, `${JSON.stringify(generateVapidKeys(), undefined, 2)}\n`, { flag: 'wx', mode: 0o600 })
}
