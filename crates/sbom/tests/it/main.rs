//! The engine from outside: layers in, inventories out.

mod archive;
mod fold;
mod layers;
