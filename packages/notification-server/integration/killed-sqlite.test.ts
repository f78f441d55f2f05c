// Spec 30 §6, 04 §7.2: an SMP server forgets a notification once it is handed over; whenever the notification server is killed, no message
// stays undiscovered.
import { describe } from 'vitest'
import { useSqlite } from './support/databases.js'
import { killedTest } from './support/killed-test.js'

describe('over SQLite', () => killedTest(useSqlite()))
