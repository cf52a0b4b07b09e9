//! Effects on AWS.
