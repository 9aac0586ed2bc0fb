-- What an image had when it was last counted, and whether that is stated as a fact about it. `findings_sha256` is over what it has alone:
-- no score changes it.
CREATE TABLE finding_scans (
  image_id {int} PRIMARY KEY,
  findings_sha256 {text} NOT NULL,
  database_sha256 {text} NOT NULL,
  matcher {int} NOT NULL,
  critical {int} NOT NULL,
  high {int} NOT NULL,
  medium {int} NOT NULL,
  low {int} NOT NULL,
  negligible {int} NOT NULL,
  unknown {int} NOT NULL,
  suppressed {int} NOT NULL,
  at_us {int} NOT NULL,
  numbers_hash {int} NOT NULL,
  stated {int} NOT NULL
) {table};
CREATE INDEX finding_scans_to_state ON finding_scans (image_id) WHERE stated = 0;
