-- Images that could not be inventoried are told to whoever may read them: few among many.
CREATE INDEX inventory_images_refused ON inventory_images (made_at_us, id) WHERE state = 2;
