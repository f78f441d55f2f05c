// 22 §6: tokens of the NTF protocol, whose notifications are kept after they were sent.
import type { Migration } from '@smpkit/agent-store/internal'

const sqlite = `
ALTER TABLE notification_tokens ADD COLUMN ntf INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notification_notifications ADD COLUMN sent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notification_notifications ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
UPDATE notification_notifications SET place = seq;
DROP INDEX notification_notifications_oldest;
CREATE INDEX notification_notifications_placed ON notification_notifications (token, place, subscription);
`

const postgres = `
ALTER TABLE notification_tokens ADD COLUMN ntf boolean NOT NULL DEFAULT false;
ALTER TABLE notification_notifications ADD COLUMN sent boolean NOT NULL DEFAULT false;
ALTER TABLE notification_notifications ADD COLUMN place bigint NOT NULL DEFAULT 0;
UPDATE notification_notifications SET place = seq;
DROP INDEX notification_notifications_oldest;
CREATE INDEX notification_notifications_placed ON notification_notifications (token, place, subscription);
`

export const migration: Migration = { number: 2, name: 'ntf', sqlite, postgres }
