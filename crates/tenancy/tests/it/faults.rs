//! The n-th database operation fails, for every n: a change is there whole with its record, or not at all.

use tenancy::{NewProject, Owner};

use crate::world::World;

/// More operations than any change here has; reaching it means that a change never succeeded.
const OPERATIONS_MAX: u64 = 60;

#[derive(Debug, Clone, Copy)]
enum Change {
    CreateProject,
    Grant,
    RotateRobot,
    CreateRobot,
    SetPassword,
    DeleteProject,
}

async fn run(world: &World, change: Change) -> Result<(), tenancy::Error> {
    let (tenancy, admin) = (&world.tenancy, &world.admin);
    let owner = Owner::Project("team".into());
    let writer = access::Role::parse("writer").unwrap();
    match change {
        Change::CreateProject => {
            let new = NewProject { name: "fresh".parse().unwrap(), public: false };
            tenancy.create_project(admin, new).await.map(drop)
        }
        Change::Grant => tenancy.grant(admin, "team", "alice", writer).await.map(drop),
        Change::RotateRobot => tenancy.rotate_robot(admin, &owner, "ci", 1_000_000).await.map(drop),
        Change::CreateRobot => {
            let new = world.new_robot("team", "fresh", &[("team/a", "reader"), ("team/b", "reader")]);
            tenancy.create_robot(admin, new).await.map(drop)
        }
        Change::SetPassword => tenancy.set_password(admin, "alice", &world.password("another password")).await,
        Change::DeleteProject => tenancy.delete_project(admin, "team").await,
    }
}

testkit::on_both_databases! {
    async fn a_change_is_whole_or_absent(database: testkit::Database) {
        let world = World::new(&database).await;
        world.project("team").await;
        world.user("alice").await;
        world.robot("team", "ci", "team/**", "reader").await;
        for change in [
            Change::CreateProject,
            Change::Grant,
            Change::RotateRobot,
            Change::CreateRobot,
            Change::SetPassword,
            Change::DeleteProject,
        ] {
            let before = world.everything().await;
            let mut n = 1;
            loop {
                assert!(n < OPERATIONS_MAX, "{change:?} never succeeded");
                world.faults.fail_at(n);
                let outcome = run(&world, change).await;
                world.faults.disarm();
                if outcome.is_ok() {
                    break;
                }
                assert_eq!(world.everything().await, before, "{change:?} with operation {n} failing");
                n += 1;
            }
            assert!(n > 3, "{change:?} met only {n} operations");
            let after = world.everything().await;
            assert_eq!(after.audit_records, before.audit_records + 1, "{change:?}");
            assert_ne!(after.rows, before.rows, "{change:?}");
        }
    }
}

testkit::on_both_databases! {
    async fn the_first_start_is_whole_or_absent(database: testkit::Database) {
        let (tenancy, _database, faults) = World::bare(&database).await;
        let mut n = 1;
        let first = loop {
            assert!(n < OPERATIONS_MAX, "the first start never succeeded");
            faults.fail_at(n);
            let outcome = tenancy.bootstrap(None).await;
            faults.disarm();
            match outcome {
                Ok(first) => break first,
                Err(_) => n += 1,
            }
        };
        assert!(n > 3, "the first start met only {n} operations");
        // However often it was cut short, who starts it to its end is shown the password.
        assert!(first.made_admin && first.generated_password.is_some());
        let again = tenancy.bootstrap(None).await.unwrap();
        assert!(!again.made_admin && again.generated_password.is_none());
    }
}
