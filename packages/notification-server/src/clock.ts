// Time as the notification server sees it; tests give their own.
import { type Clock, systemClock as monotonic } from '@smpkit/smp-client'

export type { Clock }

/** The time of day, as the rows of the store need it. */
export const systemClock: Clock = { now: () => Date.now(), schedule: monotonic.schedule }
