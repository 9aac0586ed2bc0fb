-- The few releases among many images are found one after another.
CREATE INDEX inventory_images_by_release ON inventory_images (release) WHERE release IS NOT NULL;
