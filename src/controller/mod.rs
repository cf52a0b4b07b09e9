//! The sequence of one reconcile, and its wiring.
