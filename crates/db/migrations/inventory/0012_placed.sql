-- When an image came to a repository that holds it; 0 is not noted yet. Who may read it there is told that it has its findings since then at the
-- earliest: when images of others had them is not theirs to know.
ALTER TABLE inventory_placements ADD COLUMN placed_at_us {int} NOT NULL DEFAULT 0;
CREATE INDEX inventory_placements_to_date ON inventory_placements (image_id) WHERE placed_at_us = 0;

-- What walks placements by these reads nothing else, as before.
DROP INDEX inventory_placements_by_image;
CREATE INDEX inventory_placements_by_image ON inventory_placements (image_id, repository_id, tagged, placed_at_us);
DROP INDEX inventory_placements_by_tagged;
CREATE INDEX inventory_placements_by_tagged ON inventory_placements (repository_id, tagged, image_id, placed_at_us);
