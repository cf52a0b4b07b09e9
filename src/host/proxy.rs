//! Which connections go through a proxy, by the variables that AWS programs and curl read.

use std::env;
use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// The proxy for a URL, with user name and password, if the environment names one: `HTTPS_PROXY` (`HTTP_PROXY` for `http://`),
/// else `ALL_PROXY`, unless `NO_PROXY` names the host. Each may be written in small letters.
#[must_use]
pub fn proxy_for(target: &Uri) -> Option<Uri> {
    if target.host().is_none_or(is_local) {
        return None;
    }
    let proxy = Matcher::from_env().intercept(target)?;
    let names = match target.scheme_str() {
        Some("http") => ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
        _ => ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
    };
    let written = names.iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    written.and_then(|written| with_user(proxy.uri(), &written)).or_else(|| Some(proxy.uri().clone()))
}

/// Whether connections to a host never go through a proxy: this machine, and link-local addresses, where instance metadata,
/// EKS Pod Identity and ECS serve credentials (AWS EC2 user guide, "Retrieve instance metadata"; EKS user guide, "Pod Identity").
#[must_use]
pub fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        // AWS serves metadata and Pod Identity at fd00:ec2::254 and fd00:ec2::23.
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unicast_link_local() || address.segments()[..2] == [0xfd00, 0x0ec2]
        }
        Err(_) => host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost"),
    }
}

/// Puts the user name and password of the proxy as it is written back: the matcher keeps them apart.
fn with_user(proxy: &Uri, written: &str) -> Option<Uri> {
    let (_, authority) = written.split_once("://").unwrap_or(("", written));
    let (user, _) = authority.split('/').next()?.rsplit_once('@')?;
    let authority = format!("{user}@{}", proxy.authority()?);
    Uri::builder().scheme(proxy.scheme_str()?).authority(authority).path_and_query("/").build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_the_places_that_serve_credentials_are_reached_directly() {
        for host in [
            "127.0.0.1",
            "127.8.0.1",
            "[::1]",
            "localhost",
            "LOCALHOST",
            "aws.localhost",
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "[fd00:ec2::23]",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in
            ["10.0.0.1", "sts.eu-west-1.amazonaws.com", "[fd00::1]", "[2600::1]", "localhost.example", "127.0.0.1.nip"]
        {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn user_and_password_of_a_proxy_are_kept_as_they_are_written() {
        let proxy = Uri::from_static("http://proxy.example:3128/");
        for (written, expected) in [
            ("http://user:p%40ss@proxy.example:3128", Some("http://user:p%40ss@proxy.example:3128/")),
            ("user@proxy.example:3128/", Some("http://user@proxy.example:3128/")),
            ("http://proxy.example:3128", None),
        ] {
            assert_eq!(with_user(&proxy, written).map(|uri| uri.to_string()).as_deref(), expected, "{written}");
        }
    }
}
