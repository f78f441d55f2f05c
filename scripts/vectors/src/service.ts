// test-vectors/service/README.md, service.message, service.notification: spec 30 §1, §5.
import {
  encodeRequest,
  encodeResponse,
  type Incoming,
  issuesOf,
  type MethodDefinition,
  type ResponseOptions,
  readMessage,
  type StandardSchemaV1,
  type Syntax,
} from '@smpkit/service-protocol'
import { notificationService } from '@smpkit/service-protocol/notification'
import {
  binaryOperations,
  Fields,
  type Json,
  operation,
  type Suite,
  textOperations,
  type VectorCase,
  VectorError,
} from './case.js'

/** With a word for absent data, which is not the same as `null`. */
function messageToJson(message: Incoming): unknown {
  return message.kind === 'other' ? message : { ...message, hasData: message.data !== undefined }
}

function messageFromJson(json: Json, style: ResponseOptions['style']): Uint8Array {
  const value = new Fields(json)
  const data = value.boolean('hasData') ? value.get('data') : undefined
  const syntax = value.text('syntax') as Syntax
  if (value.text('kind') === 'response') {
    const ref = value.has('ref') ? value.text('ref') : null
    return encodeResponse({ ref, status: value.text('status'), data }, { syntax, ...(style && { style }) })
  }
  const [id, method, resource] = [value.text('id'), value.text('method'), value.text('resource')]
  return encodeRequest({ id, method, resource, query: value.get('query') as Record<string, string>, data }, { syntax })
}

const decode = (bytes: Uint8Array) => messageToJson(readMessage(bytes))

export const serviceMessageSuite: Suite = {
  ops: {
    ...binaryOperations(({ kind }) => ({ encode: (json) => messageFromJson(json, styleOf(kind)), decode })),
    ...textOperations(({ kind }) => ({
      encode: (json) => new TextDecoder().decode(messageFromJson(json, styleOf(kind))),
      decode: (text) => decode(new TextEncoder().encode(text)),
    })),
  },
}

function styleOf(kind: VectorCase['kind']): ResponseOptions['style'] {
  if (kind === undefined || kind === 'separate' || kind === 'enveloped') return kind
  throw new VectorError(`unknown style ${kind}`)
}

function methodOf(input: Fields): MethodDefinition {
  const [resource, method] = [input.text('resource'), input.text('method')]
  const methods = Object.entries<Readonly<Record<string, MethodDefinition>>>(notificationService)
  const found = methods.find(([pattern]) => pattern === resource)?.[1][method]
  if (!found) throw new VectorError(`unknown ${method} of ${resource}`)
  return found
}

/** Where a value is not that of the schema, and what the schema makes of it. */
function check(schema: StandardSchemaV1 | null | undefined, value: Json | undefined) {
  if (!schema) throw new VectorError('expected a case of a value that the definition has')
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) throw new VectorError('expected a schema that does not wait')
  return result.issues
    ? { issues: issuesOf(result.issues).map(({ path }) => path) }
    : { issues: [], value: result.value }
}

export const serviceNotificationSuite: Suite = {
  ops: {
    data: operation((input) => {
      const { data, maxItems } = methodOf(input)
      const value = input.get('data')
      if (maxItems !== undefined && Array.isArray(value) && value.length > maxItems)
        return { issues: [], tooLong: maxItems }
      return { issues: check(data, value ?? undefined).issues }
    }),
    query: operation((input) => {
      const { issues, value } = check(methodOf(input).query, input.get('query'))
      return { issues, query: value }
    }),
    answer: operation((input) => {
      const answers: Readonly<Record<string, StandardSchemaV1 | null>> = methodOf(input).answers
      return { issues: check(answers[input.text('status')], input.get('data')).issues }
    }),
  },
}
