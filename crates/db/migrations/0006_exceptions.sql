-- Version 6. Documents of exceptions: for one project, or, with project 0, for all. None is ever changed: the newest of a
-- project counts. `digest` is that of the document, which is kept as it was written. `stated` is 0 while its exceptions are
-- still to be stated as facts.
CREATE TABLE exception_documents (
  id {serial},
  project_id {int} NOT NULL,
  digest {blob} NOT NULL,
  body {blob} NOT NULL,
  exceptions {int} NOT NULL,
  actor {text} NOT NULL,
  set_at_us {int} NOT NULL,
  stated {int} NOT NULL
) {table};
CREATE INDEX exception_documents_by_project ON exception_documents (project_id, id);
CREATE INDEX exception_documents_to_state ON exception_documents (id) WHERE stated = 0;
