-- What is known of digests (crate `evidence`). A fact is never changed; of those with one key the newest holds. `scope` is
-- 0 for what the hub computed from the bytes alone, else the repository in which it was asserted.
CREATE TABLE facts (
  id {blob} PRIMARY KEY,
  scope {int} NOT NULL,
  subject {blob} NOT NULL,
  claim {text} NOT NULL,
  fact_key {text} NOT NULL,
  producer {text} NOT NULL,
  observed_at_us {int} NOT NULL,
  expires_at_us {int},
  source {blob},
  body {blob} NOT NULL
) {clustered};
CREATE INDEX facts_by_key ON facts (subject, scope, claim, fact_key, producer, observed_at_us);

-- Whether the hub adds its own SBOM documents to the images of a project.
ALTER TABLE projects ADD COLUMN sbom_documents {int} NOT NULL DEFAULT 1;
