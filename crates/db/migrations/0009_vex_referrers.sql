-- Version 9. VEX that lies beside images, as it was pushed by who was believed: one row a referrer and pusher, which is added, and marked
-- when it counts no more. `state` is 1 it counts, 2 it holds no VEX, 3 it is refused for `reason`, 4 it is left out as there are too
-- many, and is looked at again. `body` is the document, which goes with what goes by it. `stated` is 0 nothing, 1 that it counts is stated as a
-- fact, 2 that it counts no more too.
CREATE TABLE vex_referrers (
  id {serial},
  repository_id {int} NOT NULL,
  subject {blob} NOT NULL,
  manifest {blob} NOT NULL,
  pusher {text} NOT NULL,
  pushed_at_us {int} NOT NULL,
  state {int} NOT NULL,
  reason {text} NOT NULL,
  body {blob} NOT NULL,
  bytes {int} NOT NULL,
  name {text} NOT NULL,
  author {text} NOT NULL,
  format {text} NOT NULL,
  statements {int} NOT NULL,
  read_at_us {int} NOT NULL,
  gone_at_us {int},
  stated {int} NOT NULL
) {table};
CREATE INDEX vex_referrers_by_subject ON vex_referrers (repository_id, subject, id) WHERE gone_at_us IS NULL;
CREATE INDEX vex_referrers_by_id ON vex_referrers (id) WHERE gone_at_us IS NULL;
CREATE INDEX vex_referrers_to_state ON vex_referrers (id) WHERE state = 1 AND stated < 2;
CREATE INDEX vex_referrers_to_empty ON vex_referrers (repository_id, subject) WHERE gone_at_us IS NOT NULL AND bytes > 0;
