//! The host of the controllers: settings, leader lease, admin server, metrics, logs, shutdown.
