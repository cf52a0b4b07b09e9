//! Wire types: what users write and read.
