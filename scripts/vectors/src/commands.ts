// test-vectors/smp/README.md, smp.command, smp.message: spec 04 §4, §5, 06 §3.

import { Writer } from '@smpkit/encoding'
import { commandFormat, messageFormat, type SmpVersion, smpVersions } from '@smpkit/smp-commands'
import { binaryOperations, type Suite, type VectorCase, VectorError } from './case.js'
import { fromJson } from './values.js'

export function versionOf({ version }: VectorCase): SmpVersion {
  if (version === undefined) throw new VectorError('expected a version')
  return version as SmpVersion
}

export const isBelowV14 = (vector: VectorCase): boolean => versionOf(vector) < smpVersions.min

/** The part of a format that the runner uses; the value comes from JSON. */
type Format = (version: SmpVersion) => { write(writer: Writer, value: never): void; read(bytes: Uint8Array): unknown }

function suiteOf(format: Format): Suite {
  const ops = binaryOperations((vector) => {
    const { write, read } = format(versionOf(vector))
    const encode = (value: unknown) => {
      const writer = new Writer()
      write(writer, value as never)
      return writer.bytes()
    }
    return { encode: (json) => encode(fromJson(json)), decode: read }
  })
  return { ops, isBelowV14 }
}

export const commandSuite = suiteOf(commandFormat)
export const messageSuite = suiteOf(messageFormat)
