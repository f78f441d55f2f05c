import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface VectorCase {
  id: string
  op: string
  type?: string
  lax?: boolean
  in: Record<string, unknown>
  out?: Record<string, unknown>
  value?: unknown
  bytes: string
  error?: string
}

/** The cases of one file of the repository's vectors. */
export function vectorCases(file: string): VectorCase[] {
  const path = fileURLToPath(new URL(`../../../../test-vectors/smp/${file}.json`, import.meta.url))
  return JSON.parse(readFileSync(path, 'utf8')).cases
}

export const fromHex = (hex: unknown): Uint8Array => new Uint8Array(Buffer.from(hex as string, 'hex'))
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
