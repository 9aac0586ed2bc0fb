-- How often versions of packages were dropped that no image held any more: one row, none before the first time. What a process
-- remembers of their numbers counts for one epoch.
CREATE TABLE inventory_epoch (
  id {int} PRIMARY KEY,
  epoch {int} NOT NULL
) {table};

-- Of a version of a package that is dropped, everything goes.
CREATE INDEX finding_packages_by_component ON finding_packages (component_id);
