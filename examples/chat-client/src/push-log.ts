// Spec 21 A4: pushes that a stand-in for APNs writes to a file, one JSON in each line: a terminal is no device of Apple's.
import { open, stat } from 'node:fs/promises'

export interface PushLogOptions {
  /** It may come later. */
  readonly file: string
  /** Of the device. */
  readonly token: string
  /** Gets what each push to the device carries, one after the other; what it rejects with is left out. */
  readonly onPush: (notificationData: unknown) => Promise<void>
}

/** Milliseconds between two looks. */
const lookEvery = 250

/** What is there already was for an earlier run. */
export async function followPushLog({ file, token, onPush }: PushLogOptions): Promise<{ close(): Promise<void> }> {
  let position = await sizeOf(file)
  let isOpen = true
  let timer: NodeJS.Timeout | undefined
  const look = async () => {
    const text = await read(file, position)
    const end = text.lastIndexOf(10) + 1
    position += end
    for (const line of text.subarray(0, end).toString().split('\n')) {
      const data = dataOf(line, token)
      if (data !== undefined && isOpen) await onPush(data).catch(() => {})
    }
  }
  let looking: Promise<void> = Promise.resolve()
  const next = () => {
    looking = look()
      .catch(() => {})
      .then(() => {
        if (isOpen) timer = setTimeout(next, lookEvery)
      })
  }
  next()
  return {
    async close() {
      isOpen = false
      clearTimeout(timer)
      await looking
    },
  }
}

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  )

async function read(file: string, position: number): Promise<Buffer> {
  const handle = await open(file).catch(() => undefined)
  if (!handle) return Buffer.alloc(0)
  try {
    const { size } = await handle.stat()
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.max(0, size - position)), { position })
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** The JSON of a push may stand in the line as it is, or as a text. */
function dataOf(line: string, token: string): unknown {
  try {
    const { path, body } = JSON.parse(line) as { path?: unknown; body?: unknown }
    if (path !== `/3/device/${encodeURIComponent(token)}`) return undefined
    const json = typeof body === 'string' ? JSON.parse(body) : body
    return (json as { notificationData?: unknown } | null)?.notificationData
  } catch {
    return undefined
  }
}
