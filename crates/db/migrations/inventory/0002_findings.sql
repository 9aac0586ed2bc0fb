-- What is known to be wrong with the components of images. A match is of a version of a package, once for all images that
-- hold it; what belongs to a vulnerability alone (scores, probability of use, known use) stands once with it.

-- Inventories are made anew from the layers' records: the identity of a component now tells apart what matching tells apart.
DELETE FROM inventory_image_components;
DELETE FROM inventory_components;
DELETE FROM inventories;
DELETE FROM inventory_placements;
DELETE FROM inventory_images;

-- `subject` is what matching needs of a component, packed. `matched` is 0 never, 1 by the database in use, 2 by an older one.
ALTER TABLE inventory_components ADD COLUMN subject {blob};
ALTER TABLE inventory_components ADD COLUMN matched {int} NOT NULL DEFAULT 0;
CREATE INDEX inventory_components_to_match ON inventory_components (id) WHERE matched <> 1;

-- The packages that advisories may speak of when they mean a component, by the hash that databases find them by.
CREATE TABLE finding_packages (
  package_hash {int} NOT NULL,
  component_id {int} NOT NULL,
  PRIMARY KEY (package_hash, component_id)
) {clustered};

-- By what everything is matched: one row. `step` is 1 while what must be matched again is being marked, 2 while it is being
-- matched, 3 when all is done.
CREATE TABLE finding_state (
  id {int} PRIMARY KEY,
  database_sha256 {text} NOT NULL,
  matcher {int} NOT NULL,
  step {int} NOT NULL,
  changed_at_us {int} NOT NULL
) {table};

-- A vulnerability that some component has or had. `level`, `score_tenths`, `probability_millionths` and `exploited` are what
-- the database says; `open_findings`, `mendable_findings` and `worst_level` sum up the findings that count; `worst` orders, and is
-- -1 when none counts.
CREATE TABLE finding_vulnerabilities (
  id {serial},
  name {text} NOT NULL UNIQUE,
  level {int} NOT NULL,
  score_tenths {int} NOT NULL,
  probability_millionths {int} NOT NULL,
  exploited {int} NOT NULL,
  open_findings {int} NOT NULL,
  mendable_findings {int} NOT NULL,
  worst_level {int} NOT NULL,
  worst {int} NOT NULL,
  since_us {int} NOT NULL
) {table};
CREATE INDEX finding_vulnerabilities_by_worst ON finding_vulnerabilities (worst, id);
CREATE INDEX finding_vulnerabilities_by_probability ON finding_vulnerabilities (probability_millionths, id);
CREATE INDEX finding_vulnerabilities_by_age ON finding_vulnerabilities (since_us, id);

-- What a version of a package has. `level` is 0 unknown to 5 critical; `suppressed` is 0 no, 1 it carries nothing that runs,
-- 2 its publisher says that it is not affected.
CREATE TABLE findings (
  component_id {int} NOT NULL,
  vulnerability_id {int} NOT NULL,
  level {int} NOT NULL,
  certain {int} NOT NULL,
  nature {int} NOT NULL,
  fix {int} NOT NULL,
  fixed {text},
  suppressed {int} NOT NULL,
  since_us {int} NOT NULL,
  PRIMARY KEY (component_id, vulnerability_id)
) {clustered};
CREATE INDEX findings_by_vulnerability ON findings (vulnerability_id, component_id);

-- Which component of an image was installed by which package of its distribution.
CREATE TABLE inventory_owners (
  image_id {int} NOT NULL,
  component_id {int} NOT NULL,
  owner_id {int} NOT NULL,
  PRIMARY KEY (image_id, component_id, owner_id)
) {clustered};
CREATE INDEX inventory_owners_by_component ON inventory_owners (component_id, owner_id, image_id);

-- Each such pair once, and the findings of the first that the distribution answers for with the second. `fresh` is 0 while that
-- is to be found out again.
CREATE TABLE finding_pairs (
  component_id {int} NOT NULL,
  owner_id {int} NOT NULL,
  fresh {int} NOT NULL,
  PRIMARY KEY (component_id, owner_id)
) {clustered};
CREATE INDEX finding_pairs_by_owner ON finding_pairs (owner_id);
CREATE INDEX finding_pairs_to_match ON finding_pairs (component_id) WHERE fresh = 0;
CREATE TABLE finding_owned (
  component_id {int} NOT NULL,
  owner_id {int} NOT NULL,
  vulnerability_id {int} NOT NULL,
  PRIMARY KEY (component_id, owner_id, vulnerability_id)
) {clustered};
CREATE INDEX finding_owned_by_vulnerability ON finding_owned (vulnerability_id);

-- How many findings of which level an image has in a repository. `fresh` is 0 while they are to be counted again.
CREATE TABLE finding_totals (
  repository_id {int} NOT NULL,
  image_id {int} NOT NULL,
  fresh {int} NOT NULL,
  critical {int} NOT NULL,
  high {int} NOT NULL,
  medium {int} NOT NULL,
  low {int} NOT NULL,
  negligible {int} NOT NULL,
  unknown {int} NOT NULL,
  exploited {int} NOT NULL,
  mendable {int} NOT NULL,
  suppressed {int} NOT NULL,
  PRIMARY KEY (repository_id, image_id)
) {clustered};
CREATE INDEX finding_totals_by_image ON finding_totals (image_id);
CREATE INDEX finding_totals_to_count ON finding_totals (repository_id, image_id) WHERE fresh = 0;

-- What changed when a database took the place of another: one row a version of a package and vulnerability. `kind` is 1 new,
-- 2 fixed, 3 changed; the names stay when the rows that they are from are gone.
CREATE TABLE finding_events (
  id {serial},
  kind {int} NOT NULL,
  component_id {int} NOT NULL,
  component {text} NOT NULL,
  vulnerability {text} NOT NULL,
  level {int} NOT NULL,
  fixed {text},
  database_sha256 {text} NOT NULL,
  at_us {int} NOT NULL
) {table};
CREATE INDEX finding_events_by_time ON finding_events (at_us);
