//! A hub's accounts on a fresh database, and short ways to fill it.

use std::fmt::Display;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use access::{Glob, Role, Scopes};
use db::{Config, Db, Faults, Statement, Value};
use identity::{MasterKey, Secret};
use tenancy::{AuthError, Caller, NewProject, NewRobot, NewUser, Owner, Project, RobotGrant, Subject, Tenancy};

pub(crate) const ADMIN_PASSWORD: &str = "password of admin";
pub(crate) const MASTER_KEY: [u8; 32] = *b"a master key for tests, 32 bytes";

const DAY_US: i64 = 86_400_000_000;

db::statements! {
    LIST_AUDIT = "SELECT resource FROM audit_records WHERE action = $1 ORDER BY resource";
    COUNT_AUDIT = "SELECT COUNT(*) FROM audit_records";
    COUNT_KEYS = "SELECT COUNT(*) FROM signing_keys WHERE purpose = $1";
    INSERT_REPOSITORY = "INSERT INTO repositories (project_id, name, created_at_us) VALUES ($1, $2, 0)";
    DELETE_REPOSITORIES = "DELETE FROM repositories";
    USERS = "SELECT name || ':' || administrator || ':' || disabled || ':' || credentials_changed_at_us || ':' || password_hash
        FROM users ORDER BY name";
    PROJECTS = "SELECT name || ':' || public FROM projects ORDER BY name";
    MEMBERS = "SELECT role || ':' || project_id || ':' || user_id FROM members ORDER BY project_id, user_id";
    ROBOTS = "SELECT name || ':' || disabled || ':' || expires_at_us || ':' || credentials_changed_at_us FROM robots ORDER BY name";
    GRANTS = "SELECT repositories || ':' || role || ':' || robot_id FROM robot_grants ORDER BY robot_id, repositories";
    SECRETS = "SELECT id || ':' || robot_id || ':' || expires_at_us FROM robot_secrets ORDER BY id";
}

pub(crate) struct World {
    pub(crate) tenancy: Tenancy,
    pub(crate) database: Db,
    pub(crate) faults: Faults,
    pub(crate) admin: Subject,
    pub(crate) source: IpAddr,
    pub(crate) now_us: i64,
}

/// All rows that changes of this crate make, as text, and the number of audit records.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Everything {
    pub(crate) rows: Vec<String>,
    pub(crate) audit_records: i64,
}

impl World {
    /// Opens a database that no hub was started on.
    pub(crate) async fn bare(database: &testkit::Database) -> (Tenancy, Db, Faults) {
        let config = match database {
            testkit::Database::Sqlite(file) => Config::Sqlite { path: file.path().to_owned() },
            testkit::Database::Postgres(database) => Config::Postgres { url: database.url().to_owned() },
        };
        let faults = Faults::none();
        let database = Db::open_with_faults(&config, faults.clone()).await.unwrap();
        (hub(&database), database, faults)
    }

    pub(crate) async fn new(database: &testkit::Database) -> Self {
        let (tenancy, database, faults) = Self::bare(database).await;
        tenancy.bootstrap(Some(Secret::new(ADMIN_PASSWORD.to_owned()))).await.unwrap();
        let admin = tenancy.find_subject("admin").await.unwrap().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now_us = i64::try_from(now.as_micros()).unwrap();
        Self { tenancy, database, faults, admin, source: IpAddr::from([192, 0, 2, 1]), now_us }
    }

    /// A second process on the same database.
    pub(crate) fn other_hub(&self) -> Tenancy {
        hub(&self.database)
    }

    #[expect(clippy::unused_self, reason = "reads as the other ways to fill a world")]
    pub(crate) fn password(&self, text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    pub(crate) async fn user(&self, name: &str) {
        let password = self.password(&format!("password of {name}"));
        let new = NewUser { name: name.parse().unwrap(), password, administrator: false };
        self.tenancy.create_user(&self.admin, new).await.unwrap();
    }

    pub(crate) async fn project(&self, name: &str) -> Project {
        let new = NewProject { name: name.parse().unwrap(), public: false };
        self.tenancy.create_project(&self.admin, new).await.unwrap()
    }

    pub(crate) async fn grant(&self, project: &str, login: &str, role: &str) {
        let role = Role::parse(role).unwrap();
        self.tenancy.grant(&self.admin, project, login, role).await.unwrap();
    }

    pub(crate) fn new_robot(&self, project: &str, name: &str, grants: &[(&str, &str)]) -> NewRobot {
        let grant = |(glob, role): &(&str, &str)| RobotGrant {
            repositories: Glob::parse(glob).unwrap(),
            role: Role::parse(role).unwrap(),
        };
        NewRobot {
            name: name.parse().unwrap(),
            owner: Owner::Project(project.to_owned()),
            grants: grants.iter().map(grant).collect(),
            expires_at_us: self.now_us + 30 * DAY_US,
        }
    }

    pub(crate) async fn robot(&self, project: &str, name: &str, glob: &str, role: &str) -> Secret {
        let new = self.new_robot(project, name, &[(glob, role)]);
        self.tenancy.create_robot(&self.admin, new).await.unwrap().secret
    }

    pub(crate) async fn hub_robot(&self, name: &str, glob: &str, role: &str) -> Secret {
        let new = NewRobot { owner: Owner::Hub, ..self.new_robot("", name, &[(glob, role)]) };
        self.tenancy.create_robot(&self.admin, new).await.unwrap().secret
    }

    pub(crate) async fn subject(&self, login: &str) -> Subject {
        self.tenancy.find_subject(login).await.unwrap().unwrap()
    }

    pub(crate) async fn caller(&self, login: Option<&str>) -> Caller {
        let Some(login) = login else { return self.tenancy.anonymous() };
        let subject = self.subject(login).await;
        let grants = self.tenancy.grants_for(&subject, self.now_us).await.unwrap();
        Caller { subject, grants }
    }

    pub(crate) async fn basic(&self, name: &str, secret: &Secret) -> Result<Caller, AuthError> {
        self.tenancy.authenticate_basic(name, secret, self.source, self.now_us).await
    }

    pub(crate) async fn log_in(&self, name: &str) -> Caller {
        self.basic(name, &self.password(&format!("password of {name}"))).await.unwrap()
    }

    pub(crate) async fn token(&self, caller: &Caller) -> String {
        let token = self.tenancy.issue_token(caller, Scopes::default(), self.now_us).await.unwrap();
        token.text.expose().to_owned()
    }

    pub(crate) async fn repository(&self, project: i64, name: &str) {
        self.execute(INSERT_REPOSITORY, vec![project.into(), name.into()]).await;
    }

    pub(crate) async fn no_repositories(&self) {
        self.execute(DELETE_REPOSITORIES, Vec::new()).await;
    }

    /// Resources of the audit records of an action.
    pub(crate) async fn audit(&self, action: &str) -> Vec<String> {
        self.texts(LIST_AUDIT, vec![action.into()]).await
    }

    pub(crate) async fn key_count(&self, purpose: &str) -> i64 {
        self.number(COUNT_KEYS, vec![purpose.into()]).await
    }

    pub(crate) async fn everything(&self) -> Everything {
        let mut rows = Vec::new();
        for statement in [USERS, PROJECTS, MEMBERS, ROBOTS, GRANTS, SECRETS] {
            rows.extend(self.texts(statement, Vec::new()).await);
        }
        Everything { rows, audit_records: self.number(COUNT_AUDIT, Vec::new()).await }
    }

    async fn texts(&self, statement: Statement, parameters: Vec<Value>) -> Vec<String> {
        let rows = self.query(statement, parameters).await;
        rows.iter().map(|row| row.get(0).unwrap()).collect()
    }

    async fn number(&self, statement: Statement, parameters: Vec<Value>) -> i64 {
        self.query(statement, parameters).await[0].get(0).unwrap()
    }

    async fn query(&self, statement: Statement, parameters: Vec<Value>) -> Vec<db::Row> {
        let read = self.database.read(move |tx| Box::pin(async move { tx.query(&statement, &parameters).await }));
        read.await.unwrap()
    }

    async fn execute(&self, statement: Statement, parameters: Vec<Value>) {
        let write = self.database.write(move |tx| {
            let parameters = parameters.clone();
            Box::pin(async move { tx.execute(&statement, &parameters).await })
        });
        write.await.unwrap();
    }
}

fn hub(database: &Db) -> Tenancy {
    Tenancy::new(database.clone(), MasterKey::from_bytes(&MASTER_KEY).unwrap()).unwrap()
}

/// The answer as text: `ok`, or the error's message.
pub(crate) fn code<T, E: Display>(answer: Result<T, E>) -> String {
    answer.map_or_else(|error| error.to_string(), |_| "ok".to_owned())
}
