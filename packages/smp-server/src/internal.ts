export { Broker } from './broker.js'
export { serve } from './connection.js'
export { Store } from './store.js'
