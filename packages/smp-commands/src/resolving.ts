// Spec 06 §7: resolving names.
import { record } from '@smpkit/encoding'
import { type Commands, type Messages, nobody } from './definitions.js'
import { name, nameRecord } from './names.js'

export const nameCommands = {
  RSLV: { ...nobody, answers: ['RNAME'], params: record({ name }) },
} as const satisfies Commands

export const nameMessages = {
  RNAME: { entity: 'empty', params: record({ info: nameRecord }) },
} as const satisfies Messages
