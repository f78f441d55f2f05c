// Spec 13 §13.12: who carries out which command.
import { remove } from '@smpkit/agent-store'
import { runAllow, runSecure } from './confirmations.js'
import type { CommandHandler, CommandHandlers } from './context.js'
import { runDeleteQueue } from './deletion.js'
import { runJoin, runRequest } from './join.js'
import { runAddQueue, runSecureNewQueue } from './rotation-receive.js'
import { runAnswerQueueAdd, runAnswerQueueUse } from './rotation-send.js'

const drop: CommandHandler = async (context, { connId, commandNo }) => {
  await context.step(connId, {}, (step) => step.write(remove('commands', { commandNo })))
}

export const commandHandlers: CommandHandlers = {
  join: runJoin,
  request: runRequest,
  allow: runAllow,
  secure: runSecure,
  secureNewQueue: runSecureNewQueue,
  addQueue: runAddQueue,
  answerQueueAdd: runAnswerQueueAdd,
  answerQueueUse: runAnswerQueueUse,
  deleteQueue: runDeleteQueue,
  notifications: drop,
}
