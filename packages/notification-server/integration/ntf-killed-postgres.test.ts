// Spec 24 §1 T12, D5, D6: a server of the NTF protocol that is killed, over PostgreSQL.
import { describe } from 'vitest'
import { postgresTitle, usePostgres, withoutPostgres } from './support/databases.js'
import { ntfKilledTests } from './support/ntf-killed-tests.js'

describe.skipIf(withoutPostgres)(postgresTitle, () => ntfKilledTests(usePostgres()))
