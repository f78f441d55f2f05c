// Spec 30 §4: validators of any library, through the interface of https://standardschema.dev, version 1.

export interface StandardSchemaV1<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

type Types<Schema extends StandardSchemaV1> = NonNullable<Schema['~standard']['types']>

/** What a schema takes. */
export type InputOf<Schema extends StandardSchemaV1> = Types<Schema>['input']

/** What it gives. */
export type OutputOf<Schema extends StandardSchemaV1> = Types<Schema>['output']

/** One thing that is wrong with a request's data or query. */
export interface Issue {
  /** A JSON pointer: `/token/id`; empty for the whole. */
  readonly path: string
  readonly message: string
}

/** So many are told; more only cost. */
const maxIssues = 16
const maxText = 200

/** What goes to the requester: bounded, whatever the schema makes of the data. */
export function issuesOf(issues: readonly SchemaIssue[]): Issue[] {
  return issues.slice(0, maxIssues).map(({ path = [], message }) => {
    const keys = path.map((part) => String(typeof part === 'object' ? part.key : part))
    const pointer = keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
    return { path: pointer.slice(0, maxText), message: message.slice(0, maxText) }
  })
}
