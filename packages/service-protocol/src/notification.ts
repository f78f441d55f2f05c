// Spec 30 §5: the notification service, version 1.
import { defineService } from './definition.js'
import {
  idList,
  itemAnswers,
  maxIdsAtOnce,
  maxSubscriptionsAtOnce,
  period,
  serviceInfo,
  subscriptionAnswer,
  subscriptionAnswers,
  subscriptionPage,
  subscriptionQuery,
  subscriptionRequests,
  subscriptionState,
  tokenCreated,
  tokenReplaced,
  tokenReplacement,
  tokenRequest,
  tokenState,
  tokenVerified,
  verification,
} from './notification-data.js'

export {
  type DeviceToken,
  type ItemAnswer,
  maxIdsAtOnce,
  maxPage,
  maxSubscriptionsAtOnce,
  maxWait,
  minPeriodMinutes,
  type ProviderInfo,
  type ServiceInfo,
  type SubscriptionAnswer,
  type SubscriptionItem,
  type SubscriptionPage,
  type SubscriptionQuery,
  type SubscriptionRequest,
  type SubscriptionState,
  type SubscriptionStatus,
  type TokenCreated,
  type TokenReplacement,
  type TokenRequest,
  type TokenState,
  type TokenStatus,
  type WebhookToken,
  type WebPushToken,
} from './notification-data.js'

export const notificationService = defineService({
  '/': { get: { answers: { ok: serviceInfo } } },
  '/ntf/subscriptions': {
    /** One, or a list: that is answered `ok` with a list in its order. */
    post: {
      data: subscriptionRequests,
      maxItems: maxSubscriptionsAtOnce,
      answers: { ok: subscriptionAnswers, created: subscriptionAnswer, accepted: subscriptionAnswer },
    },
    get: { query: subscriptionQuery, answers: { ok: subscriptionPage } },
    delete: { data: idList, maxItems: maxIdsAtOnce, answers: { ok: itemAnswers } },
  },
  '/ntf/subscriptions/:id': {
    get: { answers: { ok: subscriptionState } },
    delete: { answers: { ok: null } },
  },
  '/ntf/tokens': { post: { data: tokenRequest, answers: { created: tokenCreated } } },
  '/ntf/tokens/:id': {
    get: { answers: { ok: tokenState } },
    put: { data: tokenReplacement, answers: { ok: tokenReplaced } },
    delete: { answers: { ok: null } },
  },
  '/ntf/tokens/:id/verification': { put: { data: verification, answers: { ok: tokenVerified } } },
  '/ntf/tokens/:id/periodic': { put: { data: period, answers: { ok: null } } },
})

export type NotificationService = typeof notificationService
