//! The engine from outside: layers in, inventories out; documents out and in.

mod archive;
mod fold;
mod formats;
mod layers;
