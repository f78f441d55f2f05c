// Spec 13 §13.1, §13.13: the tables as they were first. Never changed again: what is new comes in a migration after it.
import type { Migration } from '../schema.js'

const sqlite = `
CREATE TABLE agent_connections (
  conn_id BLOB NOT NULL,
  mode TEXT NOT NULL,
  user_id TEXT NOT NULL,
  agent_version INTEGER NOT NULL,
  pq_support INTEGER NOT NULL,
  notifications INTEGER NOT NULL,
  synchronization TEXT NOT NULL,
  deletion TEXT NOT NULL,
  deleted_at INTEGER NOT NULL,
  last_message_id INTEGER NOT NULL,
  last_sent_id INTEGER NOT NULL,
  last_sent_hash BLOB NOT NULL,
  last_received_id TEXT NOT NULL,
  last_received_hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (conn_id)
) STRICT;
CREATE INDEX agent_connections_by_deletion ON agent_connections (deletion);
CREATE INDEX agent_connections_by_synchronization ON agent_connections (synchronization);
CREATE TABLE agent_receive_queues (
  conn_id BLOB NOT NULL,
  queue_no INTEGER NOT NULL,
  server TEXT NOT NULL,
  recipient_id BLOB NOT NULL,
  recipient_id_hash BLOB NOT NULL,
  sender_id BLOB NOT NULL,
  recipient_key BLOB NOT NULL,
  body_secret BLOB NOT NULL,
  dh_key BLOB NOT NULL,
  e2e_secret BLOB,
  status TEXT NOT NULL,
  is_primary INTEGER NOT NULL,
  replaces INTEGER,
  switch_status TEXT NOT NULL,
  client_version INTEGER NOT NULL,
  queue_mode TEXT,
  deleted INTEGER NOT NULL,
  delete_errors INTEGER NOT NULL,
  last_message_ts INTEGER NOT NULL,
  link_id BLOB,
  link_id_hash BLOB,
  link_key BLOB,
  link_signing_key BLOB,
  link_fixed_data BLOB,
  notifier_id BLOB,
  notifier_id_hash BLOB,
  notifier_key BLOB,
  notifier_secret BLOB,
  PRIMARY KEY (conn_id, queue_no)
) STRICT;
CREATE INDEX agent_receive_queues_by_recipient_id ON agent_receive_queues (recipient_id_hash);
CREATE INDEX agent_receive_queues_by_notifier_id ON agent_receive_queues (notifier_id_hash);
CREATE INDEX agent_receive_queues_by_deleted ON agent_receive_queues (deleted);
CREATE TABLE agent_send_queues (
  conn_id BLOB NOT NULL,
  queue_no INTEGER NOT NULL,
  server TEXT NOT NULL,
  sender_id BLOB NOT NULL,
  sender_key BLOB NOT NULL,
  dh_public_key BLOB NOT NULL,
  e2e_secret BLOB NOT NULL,
  status TEXT NOT NULL,
  is_primary INTEGER NOT NULL,
  replaces INTEGER,
  switch_status TEXT NOT NULL,
  client_version INTEGER NOT NULL,
  queue_mode TEXT,
  PRIMARY KEY (conn_id, queue_no)
) STRICT;
CREATE TABLE agent_ratchets (
  conn_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  keys BLOB,
  params BLOB,
  peer_keys BLOB,
  state BLOB,
  PRIMARY KEY (conn_id)
) STRICT;
CREATE TABLE agent_skipped_keys (
  conn_id BLOB NOT NULL,
  skipped_no INTEGER NOT NULL,
  key BLOB NOT NULL,
  PRIMARY KEY (conn_id, skipped_no)
) STRICT, WITHOUT ROWID;
CREATE TABLE agent_messages (
  conn_id BLOB NOT NULL,
  message_id INTEGER NOT NULL,
  sent_id INTEGER NOT NULL,
  type TEXT NOT NULL,
  hash BLOB NOT NULL,
  body BLOB NOT NULL,
  key BLOB NOT NULL,
  padded_length INTEGER NOT NULL,
  notification INTEGER NOT NULL,
  status TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (conn_id, message_id)
) STRICT;
CREATE INDEX agent_messages_by_sent_id ON agent_messages (conn_id, sent_id);
CREATE INDEX agent_messages_by_status ON agent_messages (status);
CREATE TABLE agent_deliveries (
  conn_id BLOB NOT NULL,
  queue_no INTEGER NOT NULL,
  message_id INTEGER NOT NULL,
  fast_delay INTEGER NOT NULL,
  slow_delay INTEGER NOT NULL,
  PRIMARY KEY (conn_id, queue_no, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_deliveries_by_message ON agent_deliveries (conn_id, message_id);
CREATE TABLE agent_events (
  event_id INTEGER NOT NULL,
  conn_id BLOB NOT NULL,
  type TEXT NOT NULL,
  message_id INTEGER NOT NULL,
  queue_no INTEGER NOT NULL,
  broker_id BLOB NOT NULL,
  data BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (event_id)
) STRICT;
CREATE INDEX agent_events_by_connection ON agent_events (conn_id);
CREATE INDEX agent_events_by_type ON agent_events (conn_id, type);
CREATE TABLE agent_confirmations (
  conn_id BLOB NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (conn_id)
) STRICT;
CREATE TABLE agent_requests (
  request_id BLOB NOT NULL,
  conn_id BLOB NOT NULL,
  first_queue BLOB NOT NULL,
  status TEXT NOT NULL,
  accepted_id BLOB NOT NULL,
  data BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (request_id)
) STRICT;
CREATE INDEX agent_requests_by_connection ON agent_requests (conn_id);
CREATE INDEX agent_requests_by_first_queue ON agent_requests (conn_id, first_queue);
CREATE INDEX agent_requests_by_status ON agent_requests (status);
CREATE INDEX agent_requests_by_waiting ON agent_requests (conn_id, status);
CREATE TABLE agent_commands (
  command_no INTEGER NOT NULL,
  conn_id BLOB NOT NULL,
  tag TEXT NOT NULL,
  data BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (command_no)
) STRICT;
CREATE INDEX agent_commands_by_connection ON agent_commands (conn_id);
CREATE TABLE agent_hashes (
  conn_id BLOB NOT NULL,
  kind TEXT NOT NULL,
  hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (conn_id, kind, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE agent_short_links (
  server TEXT NOT NULL,
  link_id BLOB NOT NULL,
  link_key BLOB NOT NULL,
  sender_key BLOB NOT NULL,
  sender_id BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (server, link_id)
) STRICT;
CREATE INDEX agent_short_links_by_sender ON agent_short_links (server, sender_id);
CREATE TABLE agent_meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;
`

const postgres = `
CREATE TABLE agent_connections (
  conn_id bytea NOT NULL,
  mode text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  agent_version bigint NOT NULL,
  pq_support boolean NOT NULL,
  notifications boolean NOT NULL,
  synchronization text COLLATE "C" NOT NULL,
  deletion text COLLATE "C" NOT NULL,
  deleted_at bigint NOT NULL,
  last_message_id bigint NOT NULL,
  last_sent_id bigint NOT NULL,
  last_sent_hash bytea NOT NULL,
  last_received_id text COLLATE "C" NOT NULL,
  last_received_hash bytea NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (conn_id)
);
CREATE INDEX agent_connections_by_deletion ON agent_connections (deletion);
CREATE INDEX agent_connections_by_synchronization ON agent_connections (synchronization);
CREATE TABLE agent_receive_queues (
  conn_id bytea NOT NULL,
  queue_no bigint NOT NULL,
  server text COLLATE "C" NOT NULL,
  recipient_id bytea NOT NULL,
  recipient_id_hash bytea NOT NULL,
  sender_id bytea NOT NULL,
  recipient_key bytea NOT NULL,
  body_secret bytea NOT NULL,
  dh_key bytea NOT NULL,
  e2e_secret bytea,
  status text COLLATE "C" NOT NULL,
  is_primary boolean NOT NULL,
  replaces bigint,
  switch_status text COLLATE "C" NOT NULL,
  client_version bigint NOT NULL,
  queue_mode text COLLATE "C",
  deleted boolean NOT NULL,
  delete_errors bigint NOT NULL,
  last_message_ts bigint NOT NULL,
  link_id bytea,
  link_id_hash bytea,
  link_key bytea,
  link_signing_key bytea,
  link_fixed_data bytea,
  notifier_id bytea,
  notifier_id_hash bytea,
  notifier_key bytea,
  notifier_secret bytea,
  PRIMARY KEY (conn_id, queue_no)
);
CREATE INDEX agent_receive_queues_by_recipient_id ON agent_receive_queues (recipient_id_hash);
CREATE INDEX agent_receive_queues_by_notifier_id ON agent_receive_queues (notifier_id_hash);
CREATE INDEX agent_receive_queues_by_deleted ON agent_receive_queues (deleted);
CREATE TABLE agent_send_queues (
  conn_id bytea NOT NULL,
  queue_no bigint NOT NULL,
  server text COLLATE "C" NOT NULL,
  sender_id bytea NOT NULL,
  sender_key bytea NOT NULL,
  dh_public_key bytea NOT NULL,
  e2e_secret bytea NOT NULL,
  status text COLLATE "C" NOT NULL,
  is_primary boolean NOT NULL,
  replaces bigint,
  switch_status text COLLATE "C" NOT NULL,
  client_version bigint NOT NULL,
  queue_mode text COLLATE "C",
  PRIMARY KEY (conn_id, queue_no)
);
CREATE TABLE agent_ratchets (
  conn_id bytea NOT NULL,
  version bigint NOT NULL,
  keys bytea,
  params bytea,
  peer_keys bytea,
  state bytea,
  PRIMARY KEY (conn_id)
);
CREATE TABLE agent_skipped_keys (
  conn_id bytea NOT NULL,
  skipped_no bigint NOT NULL,
  key bytea NOT NULL,
  PRIMARY KEY (conn_id, skipped_no)
);
CREATE TABLE agent_messages (
  conn_id bytea NOT NULL,
  message_id bigint NOT NULL,
  sent_id bigint NOT NULL,
  type text COLLATE "C" NOT NULL,
  hash bytea NOT NULL,
  body bytea NOT NULL,
  key bytea NOT NULL,
  padded_length bigint NOT NULL,
  notification boolean NOT NULL,
  status text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (conn_id, message_id)
);
CREATE INDEX agent_messages_by_sent_id ON agent_messages (conn_id, sent_id);
CREATE INDEX agent_messages_by_status ON agent_messages (status);
CREATE TABLE agent_deliveries (
  conn_id bytea NOT NULL,
  queue_no bigint NOT NULL,
  message_id bigint NOT NULL,
  fast_delay bigint NOT NULL,
  slow_delay bigint NOT NULL,
  PRIMARY KEY (conn_id, queue_no, message_id)
);
CREATE INDEX agent_deliveries_by_message ON agent_deliveries (conn_id, message_id);
CREATE TABLE agent_events (
  event_id bigint NOT NULL,
  conn_id bytea NOT NULL,
  type text COLLATE "C" NOT NULL,
  message_id bigint NOT NULL,
  queue_no bigint NOT NULL,
  broker_id bytea NOT NULL,
  data bytea NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (event_id)
);
CREATE INDEX agent_events_by_connection ON agent_events (conn_id);
CREATE INDEX agent_events_by_type ON agent_events (conn_id, type);
CREATE TABLE agent_confirmations (
  conn_id bytea NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (conn_id)
);
CREATE TABLE agent_requests (
  request_id bytea NOT NULL,
  conn_id bytea NOT NULL,
  first_queue bytea NOT NULL,
  status text COLLATE "C" NOT NULL,
  accepted_id bytea NOT NULL,
  data bytea NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (request_id)
);
CREATE INDEX agent_requests_by_connection ON agent_requests (conn_id);
CREATE INDEX agent_requests_by_first_queue ON agent_requests (conn_id, first_queue);
CREATE INDEX agent_requests_by_status ON agent_requests (status);
CREATE INDEX agent_requests_by_waiting ON agent_requests (conn_id, status);
CREATE TABLE agent_commands (
  command_no bigint NOT NULL,
  conn_id bytea NOT NULL,
  tag text COLLATE "C" NOT NULL,
  data bytea NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (command_no)
);
CREATE INDEX agent_commands_by_connection ON agent_commands (conn_id);
CREATE TABLE agent_hashes (
  conn_id bytea NOT NULL,
  kind text COLLATE "C" NOT NULL,
  hash bytea NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (conn_id, kind, hash)
);
CREATE TABLE agent_short_links (
  server text COLLATE "C" NOT NULL,
  link_id bytea NOT NULL,
  link_key bytea NOT NULL,
  sender_key bytea NOT NULL,
  sender_id bytea NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (server, link_id)
);
CREATE INDEX agent_short_links_by_sender ON agent_short_links (server, sender_id);
CREATE TABLE agent_meta (
  name text COLLATE "C" NOT NULL PRIMARY KEY,
  value text COLLATE "C" NOT NULL
);
`

export const migration: Migration = { number: 1, name: 'agent', sqlite, postgres }
