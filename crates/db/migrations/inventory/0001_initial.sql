-- What can be computed again: inventories of images, and where each component is. Column types and table options in braces
-- are the only words that differ between the two databases. Times are microseconds since 1970-01-01 UTC; a digest is
-- stored as the byte 1 (sha256) or 2 (sha512) and the raw hash.

-- One row an image that was looked at. `state` is 1 made, 2 refused for `reason`; `engine` is what made it, so that a newer
-- one makes it anew.
CREATE TABLE inventory_images (
  id {serial},
  digest {blob} NOT NULL UNIQUE,
  state {int} NOT NULL,
  engine {text} NOT NULL,
  reason {text},
  platform {text},
  distribution {text},
  components {int} NOT NULL,
  made_at_us {int} NOT NULL
) {table};

-- The whole inventory of an image, packed; and where each of its components is, by the component's number.
CREATE TABLE inventories (
  image_id {int} PRIMARY KEY,
  body {blob} NOT NULL,
  places {blob} NOT NULL
) {table};

-- A version of a package stands once, however many images hold it. `identity` is its purl, or its type, name and version
-- where there is none; `name_key` and `package_key` are in lower case, the latter the purl without version and qualifiers.
CREATE TABLE inventory_components (
  id {serial},
  identity {text} NOT NULL UNIQUE,
  name_key {text} NOT NULL,
  package_key {text} NOT NULL,
  package_type {text} NOT NULL,
  name {text} NOT NULL,
  version {text} NOT NULL
) {table};
CREATE INDEX inventory_components_by_name ON inventory_components (name_key, identity);
CREATE INDEX inventory_components_by_package ON inventory_components (package_key, identity);

CREATE TABLE inventory_image_components (
  image_id {int} NOT NULL,
  component_id {int} NOT NULL,
  PRIMARY KEY (image_id, component_id)
) {clustered};
CREATE INDEX inventory_image_components_by_component ON inventory_image_components (component_id, image_id);

-- Which repository holds which image, as of its inventory; an answer is checked against what the repository holds now.
CREATE TABLE inventory_placements (
  repository_id {int} NOT NULL,
  image_id {int} NOT NULL,
  PRIMARY KEY (repository_id, image_id)
) {clustered};
CREATE INDEX inventory_placements_by_image ON inventory_placements (image_id, repository_id);

-- What was read of a layer, by its blob's digest, packed, so that images which share it read it once.
CREATE TABLE inventory_layers (
  digest {blob} NOT NULL,
  engine {text} NOT NULL,
  size_bytes {int} NOT NULL,
  used_at_us {int} NOT NULL,
  body {blob} NOT NULL,
  PRIMARY KEY (digest, engine)
) {table};
CREATE INDEX inventory_layers_by_use ON inventory_layers (used_at_us);
