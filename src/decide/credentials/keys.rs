//! Keys of the Secret.

/// Key of the AWS configuration file that points at [`KEY_JSON`].
pub const KEY_CONFIG: &str = "config";
/// Key of the set in the format of `credential_process` (AWS SDKs reference, "Process credential provider").
pub const KEY_JSON: &str = "credentials.json";
/// Key of the INI file with static keys.
pub const KEY_INI: &str = "credentials";
