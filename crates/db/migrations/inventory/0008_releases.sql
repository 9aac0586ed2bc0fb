-- The release of the distribution in an image, by the name under which its end is known.
ALTER TABLE inventory_images ADD COLUMN release {text};
