-- Version 4. Files to unlink are taken oldest first, however many wait.
CREATE INDEX discarded_files_by_time ON discarded_files (discarded_at_us, location);
