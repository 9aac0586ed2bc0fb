-- Version 7. VEX documents that count for a project, or, with project 0, for all. Rows are only added: a document is one, and so is its
-- removal, which `removes` the row of a document; that row has it as `removed_by`. What counts as of a row is what was added and not
-- removed up to it. `stated` is 0 while a row is still to be stated as a fact.
CREATE TABLE vex_documents (
  id {serial},
  project_id {int} NOT NULL,
  digest {blob} NOT NULL,
  body {blob} NOT NULL,
  bytes {int} NOT NULL,
  name {text} NOT NULL,
  author {text} NOT NULL,
  format {text} NOT NULL,
  statements {int} NOT NULL,
  actor {text} NOT NULL,
  set_at_us {int} NOT NULL,
  removes {int} NOT NULL,
  removed_by {int} NOT NULL,
  stated {int} NOT NULL
) {table};
CREATE INDEX vex_documents_by_project ON vex_documents (project_id, id);
CREATE INDEX vex_documents_to_state ON vex_documents (id) WHERE stated = 0;
