-- Version 10. Whose VEX counts is stated as facts: whether a document is.
ALTER TABLE vex_trust_documents ADD COLUMN stated {int} NOT NULL DEFAULT 0;
