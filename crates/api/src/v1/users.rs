//! Users and passwords.

use access::AccountName;
use axum::response::Response;
use http::StatusCode;
use identity::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{refused, time};
use crate::endpoint::Call;
use crate::failure::Failure;
use crate::page::{Envelope, PageParameters};

/// A user.
#[derive(Serialize, JsonSchema)]
pub(crate) struct User {
    /// Login.
    name: String,
    /// Whether the user administers the hub.
    administrator: bool,
    /// Whether the user is kept out.
    disabled: bool,
    /// When the user was created.
    created_at: String,
}

/// A page of users.
pub(crate) type UserPage = Envelope<User>;

/// A user to create.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// Login.
    name: String,
    /// First password.
    password: String,
    /// Whether the user administers the hub.
    #[serde(default)]
    administrator: bool,
}

/// A change of a user.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserUpdate {
    /// Whether the user administers the hub.
    administrator: Option<bool>,
    /// Whether the user is kept out.
    disabled: Option<bool>,
}

/// A password to set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Password {
    /// The new password.
    password: String,
}

/// A change of one's own password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnPassword {
    /// The password until now.
    old: String,
    /// The new password.
    new: String,
}

impl From<tenancy::User> for User {
    fn from(user: tenancy::User) -> Self {
        Self {
            name: user.name,
            administrator: user.administrator,
            disabled: user.disabled,
            created_at: time(user.created_at_us),
        }
    }
}

pub(crate) async fn list(call: Call) -> Result<Response, Failure> {
    let page = PageParameters::of(&call.target)?;
    let found = call.app.tenancy.list_users(&page.for_tenancy()).await?;
    Envelope::answer(&page, found.items.into_iter().map(User::from).collect(), found.next)
}

pub(crate) async fn create(mut call: Call) -> Result<Response, Failure> {
    let new: NewUser = call.json().await?;
    let name: AccountName = new.name.parse().map_err(|error: access::AccountNameError| refused("name", &error))?;
    let new = tenancy::NewUser { name, password: Secret::from(new.password), administrator: new.administrator };
    let user = call.app.tenancy.create_user(call.caller.subject(), new).await?;
    Failure::json(StatusCode::CREATED, &User::from(user))
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let user = call.app.tenancy.get_user(call.target.parameter("user")).await?;
    Failure::json(StatusCode::OK, &User::from(user))
}

pub(crate) async fn update(mut call: Call) -> Result<Response, Failure> {
    let update: UserUpdate = call.json().await?;
    let update = tenancy::UserUpdate { administrator: update.administrator, disabled: update.disabled };
    let user = call.app.tenancy.update_user(call.caller.subject(), call.target.parameter("user"), update).await?;
    Failure::json(StatusCode::OK, &User::from(user))
}

pub(crate) async fn delete(call: Call) -> Result<Response, Failure> {
    call.app.tenancy.delete_user(call.caller.subject(), call.target.parameter("user")).await?;
    Failure::empty(StatusCode::NO_CONTENT)
}

pub(crate) async fn set_password(mut call: Call) -> Result<Response, Failure> {
    let new: Password = call.json().await?;
    let password = Secret::from(new.password);
    call.app.tenancy.set_password(call.caller.subject(), call.target.parameter("user"), &password).await?;
    Failure::empty(StatusCode::NO_CONTENT)
}

pub(crate) async fn change_own_password(mut call: Call) -> Result<Response, Failure> {
    let change: OwnPassword = call.json().await?;
    let (old, new) = (Secret::from(change.old), Secret::from(change.new));
    let (address, now_us) = (call.app.source(&call.head), call.app.now_us());
    call.app.tenancy.change_own_password(call.caller.subject(), &old, &new, address, now_us).await?;
    Failure::empty(StatusCode::NO_CONTENT)
}
