-- Whether a tag holds an image in a repository, by itself or by an index that lists it: 1 yes, 0 no, 2 not looked at yet, which counts as yes.
ALTER TABLE inventory_placements ADD COLUMN tagged {int} NOT NULL DEFAULT 2;
DROP INDEX inventory_placements_by_image;
CREATE INDEX inventory_placements_by_image ON inventory_placements (image_id, repository_id, tagged);
CREATE INDEX inventory_placements_by_tagged ON inventory_placements (repository_id, tagged, image_id);
CREATE INDEX inventory_placements_to_look_at ON inventory_placements (image_id) WHERE tagged = 2;

-- In how many of the repositories that hold it an image is tagged: 2 all, 1 some, 0 none. With each component of it too, so that what holds a
-- component is walked without what no tag holds, and the other way round.
ALTER TABLE inventory_images ADD COLUMN tagged {int} NOT NULL DEFAULT 2;
ALTER TABLE inventory_image_components ADD COLUMN tagged {int} NOT NULL DEFAULT 2;
DROP INDEX inventory_image_components_by_component;
CREATE INDEX inventory_image_components_by_component ON inventory_image_components (component_id, tagged, image_id);

-- As with the placement, so that totals are sums of rows.
ALTER TABLE finding_totals ADD COLUMN tagged {int} NOT NULL DEFAULT 2;
