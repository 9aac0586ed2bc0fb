//! The engine from outside: layers in, inventories out; documents out and in; and
//! the catalogers against the tools of their ecosystems.

mod archive;
mod claims;
mod dpkg_referee;
mod ecosystems;
mod fold;
mod formats;
mod inventory;
mod layers;
mod locks;
mod projects;
mod referees;
mod rpm_referee;
