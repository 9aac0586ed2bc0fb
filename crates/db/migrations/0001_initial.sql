-- Version 1. Column types and table options in braces are the only words that differ between the two databases
-- (`migrations.rs` has their meaning). Times are microseconds since 1970-01-01 UTC. A digest is stored as the byte
-- 1 (sha256) or 2 (sha512) and the raw hash.

-- The hub's own values: instance id, collection totals, migration marks of data.
CREATE TABLE settings (
  name {text} PRIMARY KEY,
  value {blob} NOT NULL
) {clustered};

-- Private keys, sealed by the master key that `master_key_id` names.
CREATE TABLE signing_keys (
  id {text} PRIMARY KEY,
  purpose {text} NOT NULL,
  master_key_id {text} NOT NULL,
  sealed {blob} NOT NULL,
  public {blob} NOT NULL,
  created_at_us {int} NOT NULL,
  retires_at_us {int} NOT NULL,
  expires_at_us {int} NOT NULL
) {clustered};

-- Who: tenancy.
CREATE TABLE users (
  id {serial},
  name {text} NOT NULL UNIQUE,
  password_hash {text},
  administrator {int} NOT NULL,
  disabled {int} NOT NULL,
  created_at_us {int} NOT NULL,
  credentials_changed_at_us {int} NOT NULL
) {table};

CREATE TABLE projects (
  id {serial},
  name {text} NOT NULL UNIQUE,
  public {int} NOT NULL,
  created_at_us {int} NOT NULL
) {table};
CREATE INDEX projects_public ON projects (name) WHERE public = 1;

CREATE TABLE members (
  project_id {int} NOT NULL,
  user_id {int} NOT NULL,
  role {text} NOT NULL,
  granted_at_us {int} NOT NULL,
  PRIMARY KEY (project_id, user_id)
) {clustered};
CREATE INDEX members_by_user ON members (user_id, project_id);

CREATE TABLE robots (
  id {serial},
  name {text} NOT NULL UNIQUE,
  project_id {int},
  disabled {int} NOT NULL,
  created_at_us {int} NOT NULL,
  expires_at_us {int} NOT NULL,
  credentials_changed_at_us {int} NOT NULL,
  last_used_at_us {int}
) {table};
CREATE INDEX robots_by_project ON robots (project_id, name);

CREATE TABLE robot_grants (
  robot_id {int} NOT NULL,
  repositories {text} NOT NULL,
  role {text} NOT NULL,
  PRIMARY KEY (robot_id, repositories)
) {clustered};

CREATE TABLE robot_secrets (
  id {serial},
  robot_id {int} NOT NULL,
  secret_sha256 {blob} NOT NULL UNIQUE,
  created_at_us {int} NOT NULL,
  expires_at_us {int} NOT NULL
) {table};
CREATE INDEX robot_secrets_by_robot ON robot_secrets (robot_id, created_at_us);

-- Browser sessions and OAuth2 refresh tokens. Only a hash of the secret is kept.
CREATE TABLE sessions (
  secret_sha256 {blob} PRIMARY KEY,
  kind {text} NOT NULL,
  user_id {int},
  robot_id {int},
  created_at_us {int} NOT NULL,
  expires_at_us {int} NOT NULL
) {clustered};
CREATE INDEX sessions_by_expiry ON sessions (expires_at_us);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_robot ON sessions (robot_id);

-- What: registry.
CREATE TABLE repositories (
  id {serial},
  project_id {int} NOT NULL,
  name {text} NOT NULL UNIQUE,
  created_at_us {int} NOT NULL
) {table};
CREATE INDEX repositories_by_project ON repositories (project_id, name);

-- One row a stored blob. `location` names its file; a new push of the same digest takes a new location.
-- `state` is 0 whole, 1 found corrupt (served to nobody, replaced by the next push).
CREATE TABLE blobs (
  digest {blob} PRIMARY KEY,
  size_bytes {int} NOT NULL,
  location {text} NOT NULL UNIQUE,
  state {int} NOT NULL,
  stored_at_us {int} NOT NULL
) {clustered};

-- Files that no blob row names any more; a job unlinks them.
CREATE TABLE discarded_files (
  location {text} PRIMARY KEY,
  size_bytes {int} NOT NULL,
  discarded_at_us {int} NOT NULL
) {clustered};

-- A blob is had only through a repository that holds it. A row with `collect_after_us` is looked at by collection
-- once that time has passed, and goes if no manifest of the repository references it by then.
CREATE TABLE repository_blobs (
  repository_id {int} NOT NULL,
  digest {blob} NOT NULL,
  collect_after_us {int},
  PRIMARY KEY (repository_id, digest)
) {clustered};
CREATE INDEX repository_blobs_by_digest ON repository_blobs (digest);
CREATE INDEX repository_blobs_to_collect ON repository_blobs (collect_after_us) WHERE collect_after_us IS NOT NULL;

-- The bytes of manifests, once for all repositories.
CREATE TABLE manifests (
  digest {blob} PRIMARY KEY,
  body {blob} NOT NULL
) {table};

CREATE TABLE repository_manifests (
  repository_id {int} NOT NULL,
  digest {blob} NOT NULL,
  media_type {text} NOT NULL,
  artifact_type {text},
  subject {blob},
  annotations {text},
  size_bytes {int} NOT NULL,
  pushed_at_us {int} NOT NULL,
  pushed_by {text} NOT NULL,
  collect_after_us {int},
  PRIMARY KEY (repository_id, digest)
) {clustered};
CREATE INDEX repository_manifests_by_digest ON repository_manifests (digest);
CREATE INDEX repository_manifests_by_subject ON repository_manifests (repository_id, subject, digest) WHERE subject IS NOT NULL;
CREATE INDEX repository_manifests_by_time ON repository_manifests (repository_id, pushed_at_us, digest);
CREATE INDEX repository_manifests_to_collect ON repository_manifests (collect_after_us) WHERE collect_after_us IS NOT NULL;

-- `kind` is 1 config, 2 layer, 3 child manifest.
CREATE TABLE manifest_references (
  repository_id {int} NOT NULL,
  manifest {blob} NOT NULL,
  target {blob} NOT NULL,
  kind {int} NOT NULL,
  PRIMARY KEY (repository_id, target, manifest, kind)
) {clustered};
CREATE INDEX manifest_references_by_manifest ON manifest_references (repository_id, manifest);

CREATE TABLE tags (
  repository_id {int} NOT NULL,
  name {text} NOT NULL,
  digest {blob} NOT NULL,
  created_at_us {int} NOT NULL,
  updated_at_us {int} NOT NULL,
  PRIMARY KEY (repository_id, name)
) {clustered};
CREATE INDEX tags_by_digest ON tags (repository_id, digest, name);

CREATE TABLE uploads (
  id {text} PRIMARY KEY,
  repository_id {int} NOT NULL,
  actor {text} NOT NULL,
  algorithm {text} NOT NULL,
  offset_bytes {int} NOT NULL,
  started_at_us {int} NOT NULL,
  expires_at_us {int} NOT NULL
) {clustered};
CREATE INDEX uploads_by_expiry ON uploads (expires_at_us);
CREATE INDEX uploads_by_actor ON uploads (actor);

-- Durable work and the sealed record: ledger.
CREATE TABLE jobs (
  id {serial},
  kind {text} NOT NULL,
  deduplication_key {text},
  payload_version {int} NOT NULL,
  payload {text} NOT NULL,
  priority {int} NOT NULL,
  state {text} NOT NULL,
  not_before_us {int} NOT NULL,
  attempts {int} NOT NULL,
  lease_owner {text},
  lease_expires_at_us {int},
  created_at_us {int} NOT NULL,
  started_at_us {int},
  finished_at_us {int},
  progress {text},
  error {text}
) {table};
CREATE UNIQUE INDEX jobs_pending_once ON jobs (kind, deduplication_key) WHERE state = 'pending';
CREATE INDEX jobs_to_run ON jobs (state, priority, not_before_us, id);
CREATE INDEX jobs_by_kind ON jobs (kind, id);

-- `sequence` is null until the sealer gives the record its place in the log. `window_key` is set of records that are
-- written out of memory, so that writing one again changes nothing.
CREATE TABLE audit_records (
  id {serial},
  sequence {int} UNIQUE,
  recorded_at_us {int} NOT NULL,
  actor {text} NOT NULL,
  action {text} NOT NULL,
  resource {text} NOT NULL,
  outcome {text} NOT NULL,
  count {int} NOT NULL,
  detail {text} NOT NULL,
  window_key {text} UNIQUE
) {table};
CREATE INDEX audit_records_unsealed ON audit_records (id) WHERE sequence IS NULL;

-- The leaves of the log, counted from 0: which record each is, and the hash that the heads commit to.
CREATE TABLE audit_leaves (
  sequence {int} PRIMARY KEY,
  record_id {int} NOT NULL,
  leaf_hash {blob} NOT NULL
) {table};

-- Signed heads of the log, the newest last; `frontier` is the hashes of the perfect subtrees, so that sealing adds to a
-- head without reading the log.
CREATE TABLE audit_heads (
  size {int} PRIMARY KEY,
  root_hash {blob} NOT NULL,
  frontier {blob} NOT NULL,
  checkpoint {text} NOT NULL,
  signed_at_us {int} NOT NULL
) {table};

-- One row a role that only one hub may hold at a time: the sealer.
CREATE TABLE leases (
  name {text} PRIMARY KEY,
  owner {text} NOT NULL,
  expires_at_us {int} NOT NULL
) {clustered};
