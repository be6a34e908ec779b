//! Pages of which origins may use the server from a browser: the one place with the rule.

use http::HeaderValue;
use http::header::ORIGIN;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The origins whose pages may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Every origin: what a call may do is decided by who calls, and nothing that a browser sends of itself says who
    /// that is.
    Any,
    /// Those of this machine. Where callers without credentials may do everything, any other page that is open in a
    /// browser here could read and write tables.
    Loopback,
}

impl Origins {
    /// What `access-control-allow-origin` says to a page of that origin; none if it may not call.
    pub fn allowed(self, origin: &HeaderValue) -> Option<HeaderValue> {
        match self {
            Self::Any => Some(HeaderValue::from_static("*")),
            Self::Loopback => is_loopback(origin).then(|| origin.clone()),
        }
    }

    /// Whether a request may come from where it says that it does. What is not a browser's says nothing.
    pub(crate) fn admit(self, headers: &http::HeaderMap) -> bool {
        headers.get_all(ORIGIN).iter().all(|origin| self.allowed(origin).is_some())
    }
}

/// Whether an origin is a page's that this machine serves: `http` or `https`, a loopback name, any port.
fn is_loopback(origin: &HeaderValue) -> bool {
    let host = || {
        let (scheme, authority) = origin.to_str().ok()?.split_once("://")?;
        if scheme != "http" && scheme != "https" {
            return None;
        }
        let authority: http::uri::Authority = authority.parse().ok()?;
        // Nothing but a host and a port is in an origin.
        let plain = !authority.as_str().contains('@');
        plain.then(|| authority.host().to_owned())
    };
    let Some(host) = host() else { return false };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost")
        || host.parse() == Ok(Ipv4Addr::LOCALHOST)
        || bracketed.is_some_and(|host| host.parse() == Ok(Ipv6Addr::LOCALHOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_that_this_machine_serves_are_of_loopback_origins() {
        let allowed = |origin: &'static str| Origins::Loopback.allowed(&HeaderValue::from_static(origin));
        for origin in [
            "http://localhost",
            "http://localhost:3000",
            "https://LOCALHOST:8443",
            "http://127.0.0.1",
            "https://127.0.0.1:5173",
            "http://[::1]",
            "http://[::1]:8000",
        ] {
            assert_eq!(allowed(origin).unwrap(), origin);
        }
        for origin in [
            "https://app.example",
            "http://localhost.app.example",
            "http://app.example:8000",
            "http://127.0.0.1.app.example",
            "http://localhost@app.example",
            "http://app.example@localhost",
            "http://[::2]",
            "http://10.0.0.1",
            "file://localhost",
            "localhost",
            "null",
            "",
        ] {
            assert_eq!(allowed(origin), None, "{origin}");
            assert_eq!(Origins::Any.allowed(&HeaderValue::from_static(origin)).unwrap(), "*");
        }
    }
}
