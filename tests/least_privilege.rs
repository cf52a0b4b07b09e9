//! What the policies that a platform team gives the operator allow and what they forbid, tried with a session of the manager
//! role itself.

mod source;
mod stage;
mod target;
