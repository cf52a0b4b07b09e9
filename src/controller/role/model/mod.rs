//! A model of the operator: every order of edits, faults, crashes and passes in a small world, up to a number of moves.
//!
//! The passes are the product's own. [`run`] repeats the order of their effects, which go to a [`world`] of two objects that
//! name one role; targets, plans, conditions and all memory between passes come from the product's code. [`search`] visits
//! every world once and asks [`properties`] of each move, and whether each world comes to rest when it is left alone.

mod digest;
mod effects;
mod harness;
mod iam;
mod moves;
mod properties;
mod run;
mod search;
mod tests;
mod world;
