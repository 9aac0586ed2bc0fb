//! How every change is made: one transaction with its audit record, run to its end, forgotten by the caches.

use access::Resource;
use db::{BoxFuture, Tx};
use ledger::audit::Record;
use serde_json::Value as Detail;

use crate::{Error, Subject, Tenancy};

impl Tenancy {
    /// Runs a change that grants, visibilities or credentials may rest on. It goes on when the caller goes away, so that
    /// no commit is ever left without the caches hearing of it.
    pub(crate) async fn change<T, F>(&self, body: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, Error>> + Send + Sync + 'static,
    {
        let inner = self.inner.clone();
        let change = tokio::spawn(async move {
            let outcome = inner.database.write(body).await;
            // A failure too: its outcome may be unknown.
            inner.cache.forget_all();
            outcome
        });
        match change.await {
            Ok(outcome) => outcome,
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            Err(_) => Err(Error::Stopping),
        }
    }

    /// Runs a write that no cache rests on.
    pub(crate) async fn write<T, F>(&self, body: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, Error>> + Send + Sync + 'static,
    {
        self.inner.database.write(body).await
    }

    pub(crate) async fn read<T, F>(&self, body: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, Error>> + Send + 'static,
    {
        self.inner.database.read(body).await
    }
}

/// Writes the audit record of a change that an account made.
pub(crate) async fn record(
    tx: &mut Tx,
    by: &Subject,
    action: &str,
    resource: Resource<'_>,
    detail: Detail,
) -> Result<(), Error> {
    record_as(tx, &by.to_string(), action, resource, detail).await
}

/// Writes the audit record of a change that the hub itself or an operator on its machine made.
pub(crate) async fn record_as(
    tx: &mut Tx,
    by: &str,
    action: &str,
    resource: Resource<'_>,
    detail: Detail,
) -> Result<(), Error> {
    let mut record = Record::allowed(by, action, &resource.to_string());
    if let Detail::Object(members) = detail {
        for (name, value) in members {
            record = record.detail(&name, value);
        }
    }
    Ok(ledger::audit::record(tx, record).await?)
}
