// What clients of several protocols wait by: the lowest package that all of them import has it.
export { onAbort } from './abort.js'
export { BackOff, type BackOffOptions } from './back-off.js'
export { type Clock, sleep, systemClock, within, yieldToOthers } from './clock.js'
