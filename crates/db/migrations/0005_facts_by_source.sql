-- Version 5. Whether a fact cites a document is asked whenever a newer document takes its place.
CREATE INDEX facts_by_source ON facts (source);
