-- Images are counted by VEX too: `kind` is 1 for exceptions, and `document_id` that of their document; it is 2 for VEX, and `document_id`
-- is that of the newest row up to which documents count. What was noted is noted again, and images are counted by it.
DROP TABLE finding_deciders;
CREATE TABLE finding_deciders (
  project_id {int} NOT NULL,
  kind {int} NOT NULL,
  document_id {int} NOT NULL,
  next_us {int},
  marked {int} NOT NULL,
  PRIMARY KEY (project_id, kind)
) {table};
