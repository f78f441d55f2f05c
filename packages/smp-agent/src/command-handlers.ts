// Spec 13 §13.12: who carries out which command.
import { runAllow, runSecure } from './confirmations.js'
import type { CommandHandlers } from './context.js'
import { runDeleteQueue } from './deletion.js'
import { runJoin, runRequest } from './join.js'
import { runNotifications } from './notifications.js'
import { runReceipt } from './receipts.js'
import { runAddQueue, runSecureNewQueue } from './rotation-receive.js'
import { runAnswerQueueAdd, runAnswerQueueUse } from './rotation-send.js'

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
  receipt: runReceipt,
  notifications: runNotifications,
}
