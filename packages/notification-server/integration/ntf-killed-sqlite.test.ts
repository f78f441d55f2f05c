// Spec 24 §1 T12, D5, D6: a server of the NTF protocol that is killed, over SQLite.
import { describe } from 'vitest'
import { useSqlite } from './support/databases.js'
import { ntfKilledTests } from './support/ntf-killed-tests.js'

describe('over SQLite', () => ntfKilledTests(useSqlite()))
