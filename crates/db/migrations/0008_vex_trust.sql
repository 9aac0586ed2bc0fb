-- Version 8. Whose VEX counts. No document is ever changed: the newest counts, and is kept as it was written.
CREATE TABLE vex_trust_documents (
  id {serial},
  digest {blob} NOT NULL,
  body {blob} NOT NULL,
  actor {text} NOT NULL,
  set_at_us {int} NOT NULL
) {table};
