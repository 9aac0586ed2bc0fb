//! What takes facts out of files that are too large to be kept.
