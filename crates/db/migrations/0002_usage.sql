-- Version 2. What a repository holds, so that to tell it costs the same whatever it holds. Repository 0 is the hub: each
-- stored blob once. A change is a row of its own, written with what it counts, so that no two pushes wait for one
-- counter; a job folds changes into totals, and what is told is the sum of both.
CREATE TABLE blob_usage (
  repository_id {int} PRIMARY KEY,
  blobs {int} NOT NULL,
  size_bytes {int} NOT NULL
) {table};

CREATE TABLE blob_usage_changes (
  id {serial},
  repository_id {int} NOT NULL,
  blobs {int} NOT NULL,
  size_bytes {int} NOT NULL
) {table};

INSERT INTO blob_usage (repository_id, blobs, size_bytes)
  SELECT l.repository_id, COUNT(*), CAST(SUM(b.size_bytes) AS BIGINT)
  FROM repository_blobs l JOIN blobs b ON b.digest = l.digest GROUP BY l.repository_id;

INSERT INTO blob_usage (repository_id, blobs, size_bytes)
  SELECT 0, COUNT(*), CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM blobs;
