//! The console over an in-process router, and in a real browser.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod access;
mod advised;
mod components;
mod hostile;
mod pages;
mod schemas;
mod screenshots;
mod session;
mod software;
mod world;
