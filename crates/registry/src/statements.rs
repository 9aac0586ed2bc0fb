//! Every statement of the registry, in the subset of SQL that both databases share.

db::statements! {
    /// Id of a repository by its full name.
    FIND_REPOSITORY = "SELECT id FROM repositories WHERE name = $1";
    /// Makes a repository in the project that its name begins with.
    INSERT_REPOSITORY = "INSERT INTO repositories (project_id, name, created_at_us) \
        SELECT id, $2, $3 FROM projects WHERE name = $1 ON CONFLICT (name) DO NOTHING RETURNING id";
    /// Whether a project exists.
    FIND_PROJECT = "SELECT id FROM projects WHERE name = $1";
    /// Removes a repository's name; its rows are erased by a job.
    DELETE_REPOSITORY = "DELETE FROM repositories WHERE name = $1 RETURNING id";
    /// Repositories after a name.
    LIST_REPOSITORIES = "SELECT id, name, created_at_us FROM repositories WHERE name > $1 ORDER BY name LIMIT $2";
    /// Repositories of a project after a name.
    LIST_PROJECT_REPOSITORIES = "SELECT r.id, r.name, r.created_at_us FROM repositories r JOIN projects p ON p.id = r.project_id \
        WHERE p.name = $1 AND r.name > $2 ORDER BY r.name LIMIT $3";

    /// A manifest by tag, with its body.
    FIND_MANIFEST_BY_TAG = "SELECT m.digest, m.media_type, m.artifact_type, m.subject, m.pushed_at_us, m.pushed_by, b.body \
        FROM tags t JOIN repository_manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest \
        JOIN manifests b ON b.digest = t.digest WHERE t.repository_id = $1 AND t.name = $2";
    /// A manifest by digest, with its body.
    FIND_MANIFEST = "SELECT m.digest, m.media_type, m.artifact_type, m.subject, m.pushed_at_us, m.pushed_by, b.body \
        FROM repository_manifests m JOIN manifests b ON b.digest = m.digest WHERE m.repository_id = $1 AND m.digest = $2";
    /// A whole blob through a repository.
    FIND_BLOB = "SELECT b.size_bytes, b.location, l.collect_after_us FROM repository_blobs l JOIN blobs b ON b.digest = l.digest \
        WHERE l.repository_id = $1 AND l.digest = $2 AND b.state = 0";
    /// Extends the lease of a blob that nothing references yet.
    EXTEND_LEASE = "UPDATE repository_blobs SET collect_after_us = $3 \
        WHERE repository_id = $1 AND digest = $2 AND collect_after_us IS NOT NULL AND collect_after_us < $3";
    /// Marks a stored file as damaged.
    MARK_DAMAGED = "UPDATE blobs SET state = 1 WHERE digest = $1 AND location = $2 AND state = 0";

    /// Takes the mark from a stored file that turned out whole.
    MARK_WHOLE = "UPDATE blobs SET state = 0 WHERE digest = $1 AND location = $2 AND state = 1";

    /// Makes an upload a row, while its repository is there; one of which a commit in doubt has left a row is given what it
    /// holds now.
    INSERT_UPLOAD = "INSERT INTO uploads (id, repository_id, actor, algorithm, offset_bytes, started_at_us, expires_at_us) \
        SELECT $1, id, $3, $4, $5, $6, $7 FROM repositories WHERE id = $2 ON CONFLICT (id) DO UPDATE \
        SET offset_bytes = excluded.offset_bytes, expires_at_us = excluded.expires_at_us";
    /// Unfinished uploads of an actor, up to a limit.
    COUNT_UPLOADS = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM uploads WHERE actor = $1 LIMIT $2) AS held";
    /// An upload by its id.
    FIND_UPLOAD = "SELECT u.repository_id, u.actor, u.algorithm, u.offset_bytes FROM uploads u JOIN repositories r \
        ON r.id = u.repository_id WHERE u.id = $1 AND r.name = $2";
    /// Records what an upload holds.
    ADVANCE_UPLOAD = "UPDATE uploads SET offset_bytes = $3, expires_at_us = $4 WHERE id = $1 AND offset_bytes = $2";
    /// Ends an upload to a repository.
    END_UPLOAD = "DELETE FROM uploads WHERE id = $1 AND repository_id = $2";
    /// Ends an upload.
    DELETE_UPLOAD = "DELETE FROM uploads WHERE id = $1";
    /// Uploads that have expired.
    LIST_EXPIRED_UPLOADS = "SELECT id FROM uploads WHERE expires_at_us <= $1 ORDER BY expires_at_us LIMIT $2";
    /// Ends uploads that have still expired.
    EXPIRE_UPLOADS = "DELETE FROM uploads WHERE expires_at_us <= $1 AND id IN {list} RETURNING id";
    /// Has uploads that are being written to expire later.
    POSTPONE_UPLOADS = "UPDATE uploads SET expires_at_us = $1 WHERE id IN {list}";
    /// Which of some uploads have a row.
    LIST_KNOWN_UPLOADS = "SELECT id FROM uploads WHERE id IN {list}";

    /// Where a blob's bytes are now.
    FIND_STORED_BLOB = "SELECT size_bytes, location FROM blobs WHERE digest = $1";
    /// Stores a blob, or replaces its file by newer, verified bytes.
    UPSERT_BLOB = "INSERT INTO blobs (digest, size_bytes, location, state, stored_at_us) VALUES ($1, $2, $3, 0, $4) \
        ON CONFLICT (digest) DO UPDATE SET size_bytes = excluded.size_bytes, location = excluded.location, state = 0, \
        stored_at_us = excluded.stored_at_us";
    /// Gives a file to the job that unlinks.
    DISCARD_FILE = "INSERT INTO discarded_files (location, size_bytes, discarded_at_us) VALUES ($1, $2, $3) ON CONFLICT (location) DO NOTHING";
    /// Puts a blob into a repository that does not hold it.
    LINK_BLOB = "INSERT INTO repository_blobs (repository_id, digest, collect_after_us) VALUES ($1, $2, $3) \
        ON CONFLICT (repository_id, digest) DO NOTHING";
    /// Renews the lease of a blob that a repository holds.
    RENEW_LEASE = "UPDATE repository_blobs SET collect_after_us = $3 WHERE repository_id = $1 AND digest = $2";
    /// Repositories other than one that hold a blob, up to a limit.
    LIST_OTHER_HOLDERS = "SELECT repository_id FROM repository_blobs WHERE digest = $1 AND repository_id <> $2 LIMIT $3";
    /// Takes a blob out of a repository.
    UNLINK_BLOB = "DELETE FROM repository_blobs WHERE repository_id = $1 AND digest = $2";
    /// Which of some blobs a repository holds, whole, and their sizes.
    LIST_HELD_BLOBS = "SELECT l.digest, b.size_bytes FROM repository_blobs l JOIN blobs b ON b.digest = l.digest \
        WHERE l.repository_id = $1 AND b.state = 0 AND l.digest IN {list}";

    /// Which of some manifests a repository holds, and their sizes.
    LIST_HELD_MANIFESTS = "SELECT digest, size_bytes FROM repository_manifests WHERE repository_id = $1 AND digest IN {list}";
    /// Stores a manifest's bytes once, or heals them.
    INSERT_MANIFEST = "INSERT INTO manifests (digest, body) VALUES ($1, $2) ON CONFLICT (digest) DO UPDATE \
        SET body = excluded.body WHERE manifests.body <> excluded.body";
    /// Puts a manifest into a repository; no row when it is there under another media type.
    UPSERT_REPOSITORY_MANIFEST = "INSERT INTO repository_manifests (repository_id, digest, media_type, artifact_type, subject, \
        annotations, size_bytes, pushed_at_us, pushed_by, collect_after_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL) \
        ON CONFLICT (repository_id, digest) DO UPDATE SET artifact_type = excluded.artifact_type, \
        pushed_at_us = excluded.pushed_at_us, pushed_by = CASE WHEN repository_manifests.pushed_by = 'system' \
        THEN 'system' ELSE excluded.pushed_by END, collect_after_us = NULL \
        WHERE repository_manifests.media_type = excluded.media_type";
    /// Under which media type a repository holds a manifest.
    FIND_MEDIA_TYPE = "SELECT media_type FROM repository_manifests WHERE repository_id = $1 AND digest = $2";
    /// Whether a manifest is the hub's own document in a project that keeps them.
    FIND_OWN_DOCUMENT = "SELECT 1 FROM repository_manifests m JOIN repositories r ON r.id = m.repository_id \
        JOIN projects p ON p.id = r.project_id \
        WHERE m.repository_id = $1 AND m.digest = $2 AND m.pushed_by = 'system' AND p.sbom_documents = 1";
    /// A document of the hub that needs a blob, in a project that keeps them.
    FIND_OWN_DOCUMENT_OF_BLOB = "SELECT 1 FROM manifest_references f \
        JOIN repository_manifests m ON m.repository_id = f.repository_id AND m.digest = f.manifest \
        JOIN repositories r ON r.id = m.repository_id JOIN projects p ON p.id = r.project_id \
        WHERE f.repository_id = $1 AND f.target = $2 AND m.pushed_by = 'system' AND p.sbom_documents = 1 LIMIT 1";
    /// Whether a repository holds a subject and its project wants the hub's documents.
    FIND_SUBJECT = "SELECT p.sbom_documents FROM repository_manifests m JOIN repositories r ON r.id = m.repository_id \
        JOIN projects p ON p.id = r.project_id WHERE m.repository_id = $1 AND m.digest = $2";
    /// The hub's own documents of a type about a subject that nothing cites: no tag, no index, no referrer, and no fact but
    /// those that the newest inventory replaces. The subject is told as a range, as in the lists of referrers.
    LIST_UNCITED_DOCUMENTS = "SELECT m.digest FROM repository_manifests m \
        WHERE m.repository_id = $1 AND m.subject >= $2 AND m.subject <= $2 \
        AND m.artifact_type = $3 AND m.pushed_by = 'system' AND m.digest <> $4 \
        AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = $1 AND t.digest = m.digest) \
        AND NOT EXISTS (SELECT 1 FROM manifest_references f WHERE f.repository_id = $1 AND f.target = m.digest) \
        AND NOT EXISTS (SELECT 1 FROM repository_manifests s WHERE s.repository_id = $1 AND s.subject = m.digest) \
        AND NOT EXISTS (SELECT 1 FROM facts c WHERE c.source = m.digest AND NOT (c.claim = 'sbom' AND c.scope = 0)) \
        ORDER BY m.subject, m.digest LIMIT 100";
    /// What may be an image after a pair, for what looks at each: an image may state an artifact type of its own.
    LIST_IMAGES_AFTER = "SELECT repository_id, digest FROM repository_manifests \
        WHERE (repository_id, digest) > ($1, $2) AND pushed_by <> 'system' \
        AND media_type IN ('application/vnd.oci.image.manifest.v1+json', \
        'application/vnd.docker.distribution.manifest.v2+json') ORDER BY repository_id, digest LIMIT $3";
    /// What may be an image after a pair and up to another, beside which documents of the hub are missing, or whose blobs are.
    LIST_UNDOCUMENTED = "SELECT i.repository_id, i.digest FROM repository_manifests i \
        JOIN repositories r ON r.id = i.repository_id JOIN projects p ON p.id = r.project_id \
        WHERE (i.repository_id, i.digest) > ($1, $2) AND (i.repository_id, i.digest) <= ($3, $4) \
        AND i.pushed_by <> 'system' AND i.media_type IN ('application/vnd.oci.image.manifest.v1+json', \
        'application/vnd.docker.distribution.manifest.v2+json') AND p.sbom_documents = 1 \
        AND (SELECT COUNT(DISTINCT m.artifact_type) FROM repository_manifests m WHERE m.repository_id = i.repository_id \
        AND m.subject >= i.digest AND m.subject <= i.digest AND m.pushed_by = 'system' \
        AND NOT EXISTS (SELECT 1 FROM manifest_references f WHERE f.repository_id = m.repository_id AND f.manifest = m.digest \
        AND NOT EXISTS (SELECT 1 FROM repository_blobs b WHERE b.repository_id = f.repository_id AND b.digest = f.target))) < $5 \
        ORDER BY i.repository_id, i.digest";
    /// Referrers of a digest that may be VEX, after a digest; none of the hub's own.
    LIST_VEX_REFERRERS = "SELECT repository_id, subject, digest, artifact_type, pushed_by, pushed_at_us, annotations \
        FROM repository_manifests WHERE repository_id = $1 AND (subject, digest) > ($2, $3) AND subject <= $2 \
        AND pushed_by <> 'system' AND artifact_type IN ('application/vnd.openvex+json', 'application/openvex+json', 'application/vnd.csaf+json', \
        'application/csaf+json', 'application/vnd.cyclonedx+json', 'application/vnd.in-toto+json', \
        'application/vnd.dsse.envelope.v1+json', 'application/vnd.dev.sigstore.bundle.v0.3+json', \
        'application/vnd.dev.sigstore.bundle+json;version=0.3') \
        ORDER BY subject, digest LIMIT $4";
    /// Referrers that may be VEX, after one.
    LIST_VEX_REFERRERS_AFTER = "SELECT repository_id, subject, digest, artifact_type, pushed_by, pushed_at_us, annotations \
        FROM repository_manifests WHERE (repository_id, digest) > ($1, $2) AND subject IS NOT NULL \
        AND pushed_by <> 'system' AND artifact_type IN ('application/vnd.openvex+json', 'application/openvex+json', 'application/vnd.csaf+json', \
        'application/csaf+json', 'application/vnd.cyclonedx+json', 'application/vnd.in-toto+json', \
        'application/vnd.dsse.envelope.v1+json', 'application/vnd.dev.sigstore.bundle.v0.3+json', \
        'application/vnd.dev.sigstore.bundle+json;version=0.3') \
        ORDER BY repository_id, digest LIMIT $3";
    /// What those refer to that have a blob as content, and their types.
    LIST_SUBJECTS_OF_BLOB = "SELECT DISTINCT m.subject, m.artifact_type FROM manifest_references f JOIN repository_manifests m \
        ON m.repository_id = f.repository_id AND m.digest = f.manifest WHERE f.repository_id = $1 AND f.target = $2 AND f.kind = 2 \
        AND m.subject IS NOT NULL ORDER BY m.subject, m.artifact_type LIMIT $3";
    /// What an index lists of what the repository holds.
    LIST_CHILDREN = "SELECT f.target, m.media_type FROM manifest_references f JOIN repository_manifests m \
        ON m.repository_id = f.repository_id AND m.digest = f.target WHERE f.repository_id = $1 AND f.manifest = $2 AND f.kind = 3 \
        ORDER BY f.target";
    /// Indexes that list a manifest.
    LIST_PARENTS = "SELECT manifest FROM manifest_references WHERE repository_id = $1 AND target = $2 AND kind = 3 ORDER BY manifest";
    /// The name of a repository.
    FIND_REPOSITORY_NAME = "SELECT name FROM repositories WHERE id = $1";
    /// Which of some manifests are held, and under which names.
    LIST_NAMED_MANIFESTS = "WITH wanted (repository_id, digest) AS \
        (VALUES (CAST(-1 AS BIGINT), CAST('' AS BYTEA)), {rows:2}) \
        SELECT m.repository_id, m.digest, r.name, m.pushed_at_us, m.pushed_by FROM wanted w \
        JOIN repository_manifests m ON m.repository_id = w.repository_id AND m.digest = w.digest \
        JOIN repositories r ON r.id = m.repository_id";
    /// The first tags of each of some manifests, and of the indexes that list it, up to some levels.
    LIST_FIRST_TAGS = "WITH RECURSIVE wanted (repository_id, digest) AS \
        (VALUES (CAST(-1 AS BIGINT), CAST('' AS BYTEA)), {rows:2}), \
        tagged (repository_id, digest, holder, level) AS (SELECT repository_id, digest, digest, CAST(0 AS BIGINT) FROM wanted UNION \
        SELECT g.repository_id, g.digest, f.manifest, g.level + 1 FROM tagged g JOIN manifest_references f \
        ON f.repository_id = g.repository_id AND f.target = g.holder AND f.kind = 3 WHERE g.level < $2) \
        SELECT repository_id, digest, name, total FROM (SELECT g.repository_id, g.digest, t.name, \
        ROW_NUMBER() OVER (PARTITION BY g.repository_id, g.digest ORDER BY t.name) AS place, \
        COUNT(*) OVER (PARTITION BY g.repository_id, g.digest) AS total \
        FROM (SELECT DISTINCT repository_id, digest, holder FROM tagged) AS g \
        JOIN tags t ON t.repository_id = g.repository_id AND t.digest = g.holder) AS placed \
        WHERE place <= $1 ORDER BY repository_id, digest, name";
    /// Records what a manifest references.
    INSERT_REFERENCES = "INSERT INTO manifest_references (repository_id, manifest, target, kind) VALUES {rows:4} \
        ON CONFLICT (repository_id, target, manifest, kind) DO NOTHING";
    /// Where a tag points.
    FIND_TAG = "SELECT digest FROM tags WHERE repository_id = $1 AND name = $2";
    /// Makes or moves a tag.
    UPSERT_TAG = "INSERT INTO tags (repository_id, name, digest, created_at_us, updated_at_us) VALUES ($1, $2, $3, $4, $4) \
        ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, updated_at_us = excluded.updated_at_us";
    /// Deletes a tag.
    DELETE_TAG = "DELETE FROM tags WHERE repository_id = $1 AND name = $2 RETURNING digest";
    /// Deletes every tag of a manifest. Without the inner query SQLite looks at every tag of the repository.
    DELETE_TAGS_OF = "DELETE FROM tags WHERE repository_id = $1 AND name IN \
        (SELECT name FROM tags WHERE repository_id = $1 AND digest = $2) RETURNING name";
    /// Takes a manifest out of a repository.
    DELETE_REPOSITORY_MANIFEST = "DELETE FROM repository_manifests WHERE repository_id = $1 AND digest = $2 \
        RETURNING subject, artifact_type, media_type";
    /// Drops a manifest's references, returning the targets.
    DELETE_REFERENCES = "DELETE FROM manifest_references WHERE repository_id = $1 AND manifest = $2 RETURNING target";
    /// Drops a manifest's bytes once no repository holds it.
    DELETE_MANIFEST = "DELETE FROM manifests WHERE digest = $1 AND NOT EXISTS \
        (SELECT 1 FROM repository_manifests WHERE digest = $1)";
    /// Offers blobs to collection.
    OFFER_BLOBS = "UPDATE repository_blobs SET collect_after_us = $2 \
        WHERE repository_id = $1 AND collect_after_us IS NULL AND digest IN {list}";
    /// Digests of a subject's referrers after a digest.
    LIST_REFERRER_DIGESTS = "SELECT digest FROM repository_manifests \
        WHERE repository_id = $1 AND subject = $2 AND digest > $3 ORDER BY digest LIMIT $4";
    /// Offers manifests to collection.
    OFFER_REFERRERS = "UPDATE repository_manifests SET collect_after_us = $2 \
        WHERE repository_id = $1 AND collect_after_us IS NULL AND digest IN {list}";

    /// Tags after a name.
    LIST_TAGS = "SELECT name FROM tags WHERE repository_id = $1 AND name > $2 ORDER BY name LIMIT $3";
    /// Tags after a name, with what they point to.
    LIST_TAG_SUMMARIES = "SELECT t.name, t.digest, t.created_at_us, t.updated_at_us, m.media_type, m.artifact_type, m.size_bytes \
        FROM tags t JOIN repository_manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest \
        WHERE t.repository_id = $1 AND t.name > $2 ORDER BY t.name LIMIT $3";
    /// Tags of one manifest.
    LIST_TAGS_OF = "SELECT name FROM tags WHERE repository_id = $1 AND digest = $2 ORDER BY name LIMIT $3";
    /// Manifests, newest first, before a time and digest.
    LIST_MANIFESTS = "SELECT digest, media_type, artifact_type, subject, size_bytes, pushed_at_us, pushed_by \
        FROM repository_manifests WHERE repository_id = $1 AND (pushed_at_us, digest) < ($2, $3) \
        ORDER BY pushed_at_us DESC, digest DESC LIMIT $4";
    /// Referrers of a digest after a digest. Told by `subject = $2`, SQLite walks all manifests of the repository in the order
    /// of their digests; as a range of pairs it has only the index by subject.
    LIST_REFERRERS = "SELECT digest, media_type, artifact_type, size_bytes, annotations, pushed_by FROM repository_manifests \
        WHERE repository_id = $1 AND (subject, digest) > ($2, $3) AND subject <= $2 ORDER BY subject, digest LIMIT $4";
    /// Referrers of a digest with one artifact type after a digest.
    LIST_REFERRERS_OF_TYPE = "SELECT digest, media_type, artifact_type, size_bytes, annotations, pushed_by FROM repository_manifests \
        WHERE repository_id = $1 AND (subject, digest) > ($2, $4) AND subject <= $2 AND artifact_type = $3 \
        ORDER BY subject, digest LIMIT $5";
    /// How many blobs a repository holds, and their bytes.
    FIND_USAGE = "SELECT CAST(COALESCE(SUM(blobs), 0) AS BIGINT), CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM \
        (SELECT blobs, size_bytes FROM blob_usage WHERE repository_id = $1 \
        UNION ALL SELECT blobs, size_bytes FROM blob_usage_changes WHERE repository_id = $1) AS parts";
    /// Notes changes of usage.
    CHANGE_USAGE = "INSERT INTO blob_usage_changes (repository_id, blobs, size_bytes) VALUES {rows:3}";
    /// Takes a batch of changes out.
    TAKE_USAGE_CHANGES = "DELETE FROM blob_usage_changes WHERE id IN \
        (SELECT id FROM blob_usage_changes ORDER BY id LIMIT $1) RETURNING repository_id, blobs, size_bytes";
    /// Adds to a total.
    ADD_USAGE = "INSERT INTO blob_usage (repository_id, blobs, size_bytes) VALUES ($1, $2, $3) \
        ON CONFLICT (repository_id) DO UPDATE SET blobs = blob_usage.blobs + excluded.blobs, \
        size_bytes = blob_usage.size_bytes + excluded.size_bytes";
    /// Drops the total of a repository that holds nothing.
    DROP_NO_USAGE = "DELETE FROM blob_usage WHERE repository_id = $1 AND blobs = 0 AND size_bytes = 0";

    /// Blobs that are due, whether a manifest references each, and its size.
    LIST_DUE_BLOBS = "SELECT d.repository_id, d.digest, CAST(CASE WHEN EXISTS (SELECT 1 FROM manifest_references f \
        WHERE f.repository_id = d.repository_id AND f.target = d.digest) THEN 1 ELSE 0 END AS BIGINT), \
        COALESCE(b.size_bytes, 0) FROM repository_blobs d LEFT JOIN blobs b ON b.digest = d.digest WHERE d.collect_after_us <= $1 ORDER BY d.collect_after_us LIMIT $2";
    /// Which of some repositories have an unfinished upload.
    LIST_PUSHED_TO = "SELECT DISTINCT repository_id FROM uploads WHERE expires_at_us > $1 AND repository_id IN {list}";
    /// Takes blobs off the list of due ones.
    KEEP_BLOBS = "UPDATE repository_blobs SET collect_after_us = NULL WHERE repository_id = $1 AND digest IN {list}";
    /// Has blobs looked at again later.
    HOLD_BLOBS = "UPDATE repository_blobs SET collect_after_us = $2 WHERE repository_id = $1 AND digest IN {list}";
    /// Takes blobs out of their repository.
    COLLECT_BLOBS = "DELETE FROM repository_blobs WHERE repository_id = $1 AND digest IN {list}";
    /// Discards the files of some blobs that no repository holds.
    DISCARD_UNHELD = "INSERT INTO discarded_files (location, size_bytes, discarded_at_us) \
        SELECT b.location, b.size_bytes, $1 FROM blobs b WHERE NOT EXISTS \
        (SELECT 1 FROM repository_blobs l WHERE l.digest = b.digest) AND b.digest IN {list}";
    /// Drops the rows of some blobs that no repository holds.
    DELETE_UNHELD = "DELETE FROM blobs WHERE NOT EXISTS \
        (SELECT 1 FROM repository_blobs l WHERE l.digest = blobs.digest) AND digest IN {list} RETURNING size_bytes";
    /// Manifests that are due.
    LIST_DUE_MANIFESTS = "SELECT m.repository_id, m.digest, r.name FROM repository_manifests m JOIN repositories r ON r.id = m.repository_id \
        WHERE m.collect_after_us <= $1 ORDER BY m.collect_after_us LIMIT $2";
    /// Whether a due manifest stays, being tagged, listed by an index, or with its subject there again; and whether for good:
    /// with no subject, or with it there.
    MANIFEST_IS_ROOTED = "SELECT CAST(CASE WHEN m.subject IS NULL OR s.digest IS NOT NULL THEN 1 ELSE 0 END AS BIGINT) \
        FROM repository_manifests m LEFT JOIN repository_manifests s ON s.repository_id = m.repository_id AND s.digest = m.subject \
        WHERE m.repository_id = $1 AND m.digest = $2 AND (m.subject IS NULL OR s.digest IS NOT NULL \
        OR EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = $1 AND t.digest = $2) \
        OR EXISTS (SELECT 1 FROM manifest_references f WHERE f.repository_id = $1 AND f.target = $2))";
    /// Takes a manifest off the list of due ones.
    KEEP_MANIFEST = "UPDATE repository_manifests SET collect_after_us = NULL WHERE repository_id = $1 AND digest = $2";
    /// Has a manifest looked at again later.
    HOLD_MANIFEST = "UPDATE repository_manifests SET collect_after_us = $3 WHERE repository_id = $1 AND digest = $2";
    /// Files to unlink.
    LIST_DISCARDED = "SELECT location FROM discarded_files ORDER BY discarded_at_us, location LIMIT $1";
    /// Puts files that cannot be unlinked behind the others.
    POSTPONE_DISCARDED = "UPDATE discarded_files SET discarded_at_us = $1 WHERE location IN {list}";
    /// Files that were unlinked.
    DELETE_DISCARDED = "DELETE FROM discarded_files WHERE location IN {list} RETURNING size_bytes";
    /// Which of some files a blob row or the list of discarded files names.
    LIST_KNOWN_LOCATIONS = "SELECT location FROM blobs WHERE location IN {list}";
    /// Which of some files wait to be unlinked.
    LIST_KNOWN_DISCARDED = "SELECT location FROM discarded_files WHERE location IN {list}";
    /// Blobs that wait for collection and their bytes.
    COUNT_WAITING = "SELECT COUNT(*), CAST(COALESCE(SUM(b.size_bytes), 0) AS BIGINT) FROM repository_blobs l \
        JOIN blobs b ON b.digest = l.digest WHERE l.collect_after_us IS NOT NULL";
    /// When the lease ended, or will end, that ends first.
    FIND_FIRST_LEASE_END = "SELECT collect_after_us FROM repository_blobs WHERE collect_after_us IS NOT NULL \
        ORDER BY collect_after_us LIMIT 1";
    /// When the first of the manifests is due that wait for collection.
    FIND_FIRST_DUE_MANIFEST = "SELECT collect_after_us FROM repository_manifests WHERE collect_after_us IS NOT NULL \
        ORDER BY collect_after_us LIMIT 1";
    /// Since when the file waits to be unlinked that waits longest.
    FIND_FIRST_DISCARDED = "SELECT discarded_at_us FROM discarded_files ORDER BY discarded_at_us, location LIMIT 1";
    /// Files that wait to be unlinked and their bytes.
    COUNT_DISCARDED = "SELECT COUNT(*), CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM discarded_files";
    /// A value of the hub's own.
    FIND_SETTING = "SELECT value FROM settings WHERE name = $1";
    /// Stores a value of the hub's own.
    UPSERT_SETTING = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";

    /// Erases a batch of a deleted repository's tags.
    ERASE_TAGS = "DELETE FROM tags WHERE repository_id = $1 AND name IN (SELECT name FROM tags WHERE repository_id = $1 LIMIT $2)";
    /// Names a batch of a deleted repository's manifests.
    LIST_ERASED_MANIFESTS = "SELECT digest FROM repository_manifests WHERE repository_id = $1 LIMIT $2";
    /// Offers a batch of a deleted repository's blobs to collection.
    ERASE_BLOBS = "UPDATE repository_blobs SET collect_after_us = $2 WHERE repository_id = $1 AND digest IN \
        (SELECT digest FROM repository_blobs WHERE repository_id = $1 AND collect_after_us IS NULL LIMIT $3)";
    /// Ends a deleted repository's uploads.
    ERASE_UPLOADS = "UPDATE uploads SET expires_at_us = 0 WHERE repository_id = $1";

    /// fsck: blobs after a digest.
    FSCK_BLOBS = "SELECT digest, size_bytes, location, state FROM blobs WHERE digest > $1 ORDER BY digest LIMIT $2";
    /// fsck: links after a pair, with whether the blob is there.
    FSCK_LINKS = "SELECT l.repository_id, l.digest, b.size_bytes FROM repository_blobs l LEFT JOIN blobs b ON b.digest = l.digest \
        WHERE (l.repository_id, l.digest) > ($1, $2) ORDER BY l.repository_id, l.digest LIMIT $3";
    /// fsck: manifests after a pair, with their bytes.
    FSCK_MANIFESTS = "SELECT m.repository_id, m.digest, m.size_bytes, m.media_type, b.body FROM repository_manifests m \
        LEFT JOIN manifests b ON b.digest = m.digest \
        WHERE (m.repository_id, m.digest) > ($1, $2) ORDER BY m.repository_id, m.digest LIMIT $3";
    /// fsck: tags after a pair, with whether their manifest is there.
    FSCK_TAGS = "SELECT t.repository_id, t.name, t.digest, m.size_bytes FROM tags t LEFT JOIN repository_manifests m \
        ON m.repository_id = t.repository_id AND m.digest = t.digest \
        WHERE (t.repository_id, t.name) > ($1, $2) ORDER BY t.repository_id, t.name LIMIT $3";
    /// fsck: what is recorded of a manifest's references.
    FSCK_REFERENCES = "SELECT target FROM manifest_references WHERE repository_id = $1 AND manifest = $2";
    /// fsck: name of a repository.
    FSCK_REPOSITORY = "SELECT name FROM repositories WHERE id = $1";
    /// fsck: by how much the usage that is told falls short of what is there, and for which repositories; 0 is the hub.
    FSCK_USAGE = "SELECT repository_id, CAST(SUM(blobs) AS BIGINT), CAST(SUM(size_bytes) AS BIGINT) FROM ( \
        SELECT l.repository_id, 1 AS blobs, b.size_bytes FROM repository_blobs l JOIN blobs b ON b.digest = l.digest \
        UNION ALL SELECT 0, 1, size_bytes FROM blobs \
        UNION ALL SELECT repository_id, -blobs, -size_bytes FROM blob_usage \
        UNION ALL SELECT repository_id, -blobs, -size_bytes FROM blob_usage_changes) AS parts \
        GROUP BY repository_id HAVING SUM(blobs) <> 0 OR SUM(size_bytes) <> 0 ORDER BY repository_id LIMIT $1";
    /// fsck --repair: by how much the usage that is told of one repository, or with 0 of the hub, falls short of what is there.
    FSCK_USAGE_OF = "SELECT CAST(SUM(blobs) AS BIGINT), CAST(SUM(size_bytes) AS BIGINT) FROM ( \
        SELECT 1 AS blobs, b.size_bytes FROM repository_blobs l JOIN blobs b ON b.digest = l.digest WHERE l.repository_id = $1 \
        UNION ALL SELECT 1, size_bytes FROM blobs WHERE CAST($1 AS BIGINT) = 0 \
        UNION ALL SELECT -blobs, -size_bytes FROM blob_usage WHERE repository_id = $1 \
        UNION ALL SELECT -blobs, -size_bytes FROM blob_usage_changes WHERE repository_id = $1) AS parts \
        HAVING SUM(blobs) <> 0 OR SUM(size_bytes) <> 0";
    /// fsck --repair: drops a tag that points to nothing.
    FSCK_DROP_TAG = "DELETE FROM tags WHERE repository_id = $1 AND name = $2 AND digest = $3";
    /// fsck --repair: drops a link whose blob row is gone.
    FSCK_DROP_LINK = "DELETE FROM repository_blobs WHERE repository_id = $1 AND digest = $2 AND NOT EXISTS \
        (SELECT 1 FROM blobs b WHERE b.digest = $2)";
}
