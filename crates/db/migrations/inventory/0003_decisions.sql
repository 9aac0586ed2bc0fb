-- What owners of images decide about findings (exceptions), and authors of what is in them (VEX).

-- The document of exceptions that images of a project are counted by, and, as project 0, images of all. `next_us` is when an
-- exception of it begins or ends next. `marked` is 0 while the images are being marked that it may mean.
CREATE TABLE finding_deciders (
  project_id {int} PRIMARY KEY,
  document_id {int} NOT NULL,
  next_us {int},
  marked {int} NOT NULL
) {table};

-- The time by which exceptions begin and end in what is counted: one row.
CREATE TABLE finding_clock (
  id {int} PRIMARY KEY,
  now_us {int} NOT NULL
) {table};

-- What is decided, and only that: `verdict` is 1 excepted, 2 cleared by VEX, 3 counts by VEX whatever its publisher says. Written
-- with the totals that it changes.
CREATE TABLE finding_decisions (
  repository_id {int} NOT NULL,
  image_id {int} NOT NULL,
  component_id {int} NOT NULL,
  vulnerability_id {int} NOT NULL,
  verdict {int} NOT NULL,
  PRIMARY KEY (repository_id, image_id, component_id, vulnerability_id)
) {clustered};
CREATE INDEX finding_decisions_by_vulnerability ON finding_decisions (vulnerability_id, component_id, image_id, repository_id);

-- What tells whether a vulnerability has other names than before: exceptions and VEX may mean it by any.
ALTER TABLE finding_vulnerabilities ADD COLUMN names_hash {int} NOT NULL DEFAULT 0;
