export { readApnsAnswer } from './apns/answer.js'
export { lookupName } from './lookup-name.js'
