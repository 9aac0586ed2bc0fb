//! What is remembered is never older than an answered change, however slow a reader is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use access::{Action, Request, Resource, Visibility, allows};
use tenancy::{ProjectUpdate, UserUpdate};

use crate::world::{World, code};

/// Changes during which readers fill the caches as fast as they can.
const CHANGES: u64 = 60;

fn may_push(grants: &tenancy::Grants) -> bool {
    let resource = Resource::Repository("team/api");
    let request = Request { action: Action::RepositoryPush, resource, visibility: Visibility::Private };
    allows(grants.access(), None, request)
}

testkit::on_both_databases! {
    async fn an_answered_change_is_seen_by_every_later_read(database: testkit::Database) {
        let world = Arc::new(World::new(&database).await);
        world.project("team").await;
        world.user("alice").await;
        let alice = world.subject("alice").await;
        let done = Arc::new(AtomicBool::new(false));
        let reads = Arc::new(AtomicU64::new(0));
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let (world, alice) = (Arc::clone(&world), alice.clone());
                let (done, reads) = (Arc::clone(&done), Arc::clone(&reads));
                tokio::spawn(async move {
                    while !done.load(Ordering::SeqCst) {
                        world.tenancy.grants_for(&alice, world.now_us).await.unwrap();
                        world.tenancy.project_visibility("team").await.unwrap();
                        reads.fetch_add(1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        for change in 0..CHANGES {
            let writes = change % 2 == 0;
            world.grant("team", "alice", if writes { "writer" } else { "reader" }).await;
            let update = ProjectUpdate { public: Some(writes), ..ProjectUpdate::default() };
            world.tenancy.update_project(&world.admin, "team", update).await.unwrap();
            for _ in 0..3 {
                let grants = world.tenancy.grants_for(&alice, world.now_us).await.unwrap();
                assert_eq!(may_push(&grants), writes, "change {change}");
                let visibility = world.tenancy.project_visibility("team").await.unwrap();
                assert_eq!(visibility == Some(Visibility::Public), writes, "change {change}");
            }
        }
        done.store(true, Ordering::SeqCst);
        for reader in readers {
            reader.await.unwrap();
        }
        assert!(reads.load(Ordering::SeqCst) > 0);
    }
}

testkit::on_both_databases! {
    async fn a_change_whose_caller_went_away_is_seen_too(database: testkit::Database) {
        let world = World::new(&database).await;
        world.user("alice").await;
        let alice = world.subject("alice").await;
        world.tenancy.grants_for(&alice, world.now_us).await.unwrap();
        {
            let update = UserUpdate { disabled: Some(true), ..UserUpdate::default() };
            let change = world.tenancy.update_user(&world.admin, "alice", update);
            let mut change = Box::pin(change);
            // Polled once, so that it has begun, then dropped.
            std::future::poll_fn(|context| {
                let _ = change.as_mut().poll(context);
                std::task::Poll::Ready(())
            })
            .await;
        }
        let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
        while code(world.tenancy.grants_for(&alice, world.now_us).await) == "ok" {
            assert!(std::time::Instant::now() < deadline, "the change was never seen");
            tokio::task::yield_now().await;
        }
        assert_eq!(code(world.tenancy.grants_for(&alice, world.now_us).await), "account is disabled");
    }
}

testkit::on_both_databases! {
    async fn remembered_grants_cost_no_read_where_this_process_is_the_only_writer(database: testkit::Database) {
        let world = World::new(&database).await;
        let read = |_| async { world.tenancy.grants_for(&world.admin, world.now_us).await.unwrap() };
        read(0).await;
        world.faults.count();
        read(1).await;
        world.tenancy.project_visibility("library").await.unwrap();
        let first = world.faults.operations();
        read(2).await;
        world.tenancy.project_visibility("library").await.unwrap();
        let second = world.faults.operations() - first;
        assert_eq!(second == 0, world.database.is_embedded(), "{second} operations");
    }
}
