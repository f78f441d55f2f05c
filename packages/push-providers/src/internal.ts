export { readApnsAnswer } from './apns/answer.js'
