//! Pure values that cannot be wrong.
