export interface TestDatabase {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string
  drop(): Promise<void>
}

export interface PostgresServer {
  /** Of its database `postgres`, as a superuser. */
  readonly url: string
  /** Stops it and keeps its data: open connections are closed, new ones refused. */
  halt(): Promise<unknown>
  /** Starts it again on the same port. */
  resume(): Promise<unknown>
  /** Ends it for good and removes its data. */
  stop(): Promise<void>
}

export function postgresMissing(): string | undefined
export function startPostgres(options?: { fsync?: boolean }): Promise<PostgresServer>
export function testDatabase(server?: string): Promise<TestDatabase>
