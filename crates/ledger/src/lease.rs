//! Roles that one hub holds at a time, by the database's clock.

use db::{Error, Tx};

db::statements! {
    /// Takes a free or expired role, or keeps one's own; changes no row when another has it.
    TAKE_LEASE = "INSERT INTO leases (name, owner, expires_at_us) VALUES ($1, $2, $3) \
        ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at_us = excluded.expires_at_us \
        WHERE leases.owner = excluded.owner OR leases.expires_at_us <= $4";
    /// Gives a role up.
    RELEASE_LEASE = "DELETE FROM leases WHERE name = $1 AND owner = $2";
    /// Tells whether another has the role.
    FIND_OTHER_HOLDER = "SELECT owner FROM leases WHERE name = $1 AND owner <> $2 AND expires_at_us > $3";
}

/// Takes or keeps the role for `duration_us`; false when another holds it.
pub(crate) async fn take(tx: &mut Tx, name: &str, owner: &str, duration_us: i64) -> Result<bool, Error> {
    let now_us = tx.now_us().await?;
    let expires_at_us = now_us.saturating_add(duration_us);
    let changed = tx.execute(&TAKE_LEASE, &[name.into(), owner.into(), expires_at_us.into(), now_us.into()]).await?;
    Ok(changed == 1)
}

/// Gives the role up if `owner` holds it.
pub(crate) async fn release(tx: &mut Tx, name: &str, owner: &str) -> Result<(), Error> {
    tx.execute(&RELEASE_LEASE, &[name.into(), owner.into()]).await.map(drop)
}

/// Tells whether another than `owner` holds the role now.
pub(crate) async fn is_held_by_another(tx: &mut Tx, name: &str, owner: &str) -> Result<bool, Error> {
    let now_us = tx.now_us().await?;
    Ok(tx.find(&FIND_OTHER_HOLDER, &[name.into(), owner.into(), now_us.into()]).await?.is_some())
}
