//! Addresses that only the same pod can reach.

use std::{fmt, net::SocketAddr, str::FromStr};

/// A loopback address with a port. There is no other way to make the agent listen: its answers are credentials in the
/// clear, and SDKs accept plain HTTP from loopback (AWS SDKs reference, "Container credential provider").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loopback(SocketAddr);

impl Loopback {
    /// The address.
    #[must_use]
    pub fn addr(self) -> SocketAddr {
        self.0
    }
}

impl FromStr for Loopback {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "write 127.0.0.1:<port> or [::1]:<port>: credentials are served to the same pod only";
        match text.parse::<SocketAddr>() {
            Ok(addr) if addr.ip().is_loopback() => Ok(Self(addr)),
            Ok(addr) => Err(format!("{} is not a loopback address; {hint}", addr.ip())),
            Err(error) => Err(format!("{error}; {hint}")),
        }
    }
}

impl fmt::Display for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_accepted() {
        for accepted in ["127.0.0.1:9911", "127.1.2.3:0", "[::1]:9911"] {
            assert_eq!(accepted.parse::<Loopback>().unwrap().to_string(), accepted);
        }
        for refused in [
            "0.0.0.0:9911",
            "[::]:9911",
            "10.0.0.1:9911",
            "169.254.170.23:80",
            "[::ffff:10.0.0.1]:1",
            "localhost:1",
            "1",
        ] {
            let error = refused.parse::<Loopback>().expect_err(refused);
            assert!(error.contains("write 127.0.0.1:<port>"), "{refused}: {error}");
        }
    }
}
