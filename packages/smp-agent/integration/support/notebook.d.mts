import type { Summary } from './party.mjs'

export class Notebook {
  constructor(file: string)
  summary(): Summary
  noted(key: string): string | undefined
  close(): void
}
