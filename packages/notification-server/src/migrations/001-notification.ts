// design.md §5: the tables as they were first. Never changed again: what is new comes in a migration after it.
import type { Migration } from '@smpkit/agent-store/internal'

const sqlite = `
CREATE TABLE notification_tokens (
  id TEXT NOT NULL,
  owner TEXT NOT NULL,
  provider TEXT NOT NULL,
  device BLOB NOT NULL,
  device_hash BLOB NOT NULL,
  status TEXT NOT NULL,
  reason TEXT,
  client_key BLOB NOT NULL,
  server_key BLOB NOT NULL,
  secret BLOB NOT NULL,
  code BLOB NOT NULL,
  tries_left INTEGER NOT NULL,
  registered_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL,
  period_minutes INTEGER NOT NULL,
  check_sent_at INTEGER,
  periodic_at INTEGER,
  expires_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  PRIMARY KEY (id)
) STRICT;
CREATE INDEX notification_tokens_by_owner ON notification_tokens (owner, id);
CREATE INDEX notification_tokens_by_device ON notification_tokens (device_hash, id);
CREATE INDEX notification_tokens_due ON notification_tokens (due_at, id);
CREATE TABLE notification_subscriptions (
  id TEXT NOT NULL,
  owner TEXT NOT NULL,
  token TEXT NOT NULL,
  server TEXT NOT NULL,
  address TEXT NOT NULL,
  notifier_id BLOB NOT NULL,
  notifier_id_hash BLOB NOT NULL,
  notifier_key BLOB NOT NULL,
  status TEXT NOT NULL,
  reason TEXT,
  updated_at INTEGER NOT NULL,
  by_service INTEGER NOT NULL,
  awaited INTEGER NOT NULL,
  ended_at INTEGER,
  retries INTEGER NOT NULL,
  next_at INTEGER,
  PRIMARY KEY (id)
) STRICT;
CREATE INDEX notification_subscriptions_by_owner ON notification_subscriptions (owner, id);
CREATE INDEX notification_subscriptions_by_token ON notification_subscriptions (token, id);
CREATE INDEX notification_subscriptions_by_server ON notification_subscriptions (server, id);
CREATE UNIQUE INDEX notification_subscriptions_by_queue ON notification_subscriptions (server, notifier_id_hash);
CREATE INDEX notification_subscriptions_due ON notification_subscriptions (next_at, id);
CREATE TABLE notification_notifications (
  subscription TEXT NOT NULL,
  token TEXT NOT NULL,
  seq INTEGER NOT NULL,
  text BLOB NOT NULL,
  PRIMARY KEY (subscription)
) STRICT;
CREATE INDEX notification_notifications_oldest ON notification_notifications (token, seq, subscription);
CREATE TABLE notification_outbox (
  id TEXT NOT NULL,
  token TEXT NOT NULL,
  kind TEXT NOT NULL,
  provider TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  reason TEXT,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE TABLE notification_servers (
  key TEXT NOT NULL,
  address TEXT NOT NULL,
  check_owed INTEGER NOT NULL,
  up INTEGER NOT NULL,
  changed_at INTEGER,
  reason TEXT,
  service_certificate BLOB,
  service_key BLOB,
  service_id BLOB,
  PRIMARY KEY (key)
) STRICT;
CREATE TABLE notification_answers (
  id TEXT NOT NULL,
  owner TEXT NOT NULL,
  hash BLOB NOT NULL,
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  kept INTEGER NOT NULL,
  body BLOB NOT NULL,
  sent INTEGER NOT NULL,
  PRIMARY KEY (id)
) STRICT;
CREATE INDEX notification_answers_by_owner ON notification_answers (owner, id);
CREATE INDEX notification_answers_by_sent ON notification_answers (sent, id);
CREATE INDEX notification_answers_due ON notification_answers (sent, at, id);
CREATE TABLE notification_clients (
  owner TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  check_at INTEGER NOT NULL,
  idle_since INTEGER,
  new_servers INTEGER NOT NULL,
  new_servers_since INTEGER NOT NULL,
  PRIMARY KEY (owner)
) STRICT, WITHOUT ROWID;
CREATE INDEX notification_clients_due ON notification_clients (check_at, owner);
CREATE TABLE notification_tombstones (
  id TEXT NOT NULL,
  owner TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX notification_tombstones_by_owner ON notification_tombstones (owner, id);
CREATE INDEX notification_tombstones_due ON notification_tombstones (at, id);
CREATE TABLE notification_dead_letters (
  slot INTEGER NOT NULL,
  letter_no INTEGER NOT NULL,
  at INTEGER NOT NULL,
  token TEXT NOT NULL,
  provider TEXT NOT NULL,
  kind TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (slot)
) STRICT, WITHOUT ROWID;
CREATE TABLE notification_state (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;
CREATE TABLE notification_meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT;
`

const postgres = `
CREATE TABLE notification_tokens (
  id text COLLATE "C" NOT NULL,
  owner text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  device bytea NOT NULL,
  device_hash bytea NOT NULL,
  status text COLLATE "C" NOT NULL,
  reason text COLLATE "C",
  client_key bytea NOT NULL,
  server_key bytea NOT NULL,
  secret bytea NOT NULL,
  code bytea NOT NULL,
  tries_left bigint NOT NULL,
  registered_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  used_at bigint NOT NULL,
  period_minutes bigint NOT NULL,
  check_sent_at bigint,
  periodic_at bigint,
  expires_at bigint NOT NULL,
  due_at bigint NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX notification_tokens_by_owner ON notification_tokens (owner, id);
CREATE INDEX notification_tokens_by_device ON notification_tokens (device_hash, id);
CREATE INDEX notification_tokens_due ON notification_tokens (due_at, id);
CREATE TABLE notification_subscriptions (
  id text COLLATE "C" NOT NULL,
  owner text COLLATE "C" NOT NULL,
  token text COLLATE "C" NOT NULL,
  server text COLLATE "C" NOT NULL,
  address text COLLATE "C" NOT NULL,
  notifier_id bytea NOT NULL,
  notifier_id_hash bytea NOT NULL,
  notifier_key bytea NOT NULL,
  status text COLLATE "C" NOT NULL,
  reason text COLLATE "C",
  updated_at bigint NOT NULL,
  by_service boolean NOT NULL,
  awaited boolean NOT NULL,
  ended_at bigint,
  retries bigint NOT NULL,
  next_at bigint,
  PRIMARY KEY (id)
);
CREATE INDEX notification_subscriptions_by_owner ON notification_subscriptions (owner, id);
CREATE INDEX notification_subscriptions_by_token ON notification_subscriptions (token, id);
CREATE INDEX notification_subscriptions_by_server ON notification_subscriptions (server, id);
CREATE UNIQUE INDEX notification_subscriptions_by_queue ON notification_subscriptions (server, notifier_id_hash);
CREATE INDEX notification_subscriptions_due ON notification_subscriptions (next_at, id);
CREATE TABLE notification_notifications (
  subscription text COLLATE "C" NOT NULL,
  token text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  text bytea NOT NULL,
  PRIMARY KEY (subscription)
);
CREATE INDEX notification_notifications_oldest ON notification_notifications (token, seq, subscription);
CREATE TABLE notification_outbox (
  id text COLLATE "C" NOT NULL,
  token text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  due_at bigint NOT NULL,
  attempts bigint NOT NULL,
  reason text COLLATE "C",
  PRIMARY KEY (id)
);
CREATE TABLE notification_servers (
  key text COLLATE "C" NOT NULL,
  address text COLLATE "C" NOT NULL,
  check_owed boolean NOT NULL,
  up boolean NOT NULL,
  changed_at bigint,
  reason text COLLATE "C",
  service_certificate bytea,
  service_key bytea,
  service_id bytea,
  PRIMARY KEY (key)
);
CREATE TABLE notification_answers (
  id text COLLATE "C" NOT NULL,
  owner text COLLATE "C" NOT NULL,
  hash bytea NOT NULL,
  at bigint NOT NULL,
  state text COLLATE "C" NOT NULL,
  kept boolean NOT NULL,
  body bytea NOT NULL,
  sent boolean NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX notification_answers_by_owner ON notification_answers (owner, id);
CREATE INDEX notification_answers_by_sent ON notification_answers (sent, id);
CREATE INDEX notification_answers_due ON notification_answers (sent, at, id);
CREATE TABLE notification_clients (
  owner text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  check_at bigint NOT NULL,
  idle_since bigint,
  new_servers bigint NOT NULL,
  new_servers_since bigint NOT NULL,
  PRIMARY KEY (owner)
);
CREATE INDEX notification_clients_due ON notification_clients (check_at, owner);
CREATE TABLE notification_tombstones (
  id text COLLATE "C" NOT NULL,
  owner text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX notification_tombstones_by_owner ON notification_tombstones (owner, id);
CREATE INDEX notification_tombstones_due ON notification_tombstones (at, id);
CREATE TABLE notification_dead_letters (
  slot bigint NOT NULL,
  letter_no bigint NOT NULL,
  at bigint NOT NULL,
  token text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  attempts bigint NOT NULL,
  reason text COLLATE "C" NOT NULL,
  PRIMARY KEY (slot)
);
CREATE TABLE notification_state (
  name text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  PRIMARY KEY (name)
);
CREATE TABLE notification_meta (
  name text COLLATE "C" NOT NULL PRIMARY KEY,
  value text COLLATE "C" NOT NULL
);
`

export const migration: Migration = { number: 1, name: 'notification', sqlite, postgres }
