//! `Debug` of the messages that hold a secret, which it leaves out: whatever is printed or logged with `{:?}` can be
//! shown to anybody.

use crate::v1::{AccessKey, SessionCredentials};
use std::fmt;

/// What stands in for a secret.
const HIDDEN: &str = "(hidden)";

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("user_name", &self.user_name)
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &HIDDEN)
            .field("status", &self.status)
            .field("create_time", &self.create_time)
            .finish()
    }
}

impl fmt::Debug for SessionCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCredentials")
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &HIDDEN)
            .field("session_token", &HIDDEN)
            .field("expire_time", &self.expire_time)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{AssumeRoleResponse, CreateAccessKeyResponse};

    #[test]
    fn a_secret_is_not_printed_not_even_inside_an_answer() {
        let key = AccessKey {
            access_key_id: "AKIAEXAMPLE".into(),
            secret_access_key: "keep-this".into(),
            ..Default::default()
        };
        let session = SessionCredentials {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: "keep-this".into(),
            session_token: "and-keep-this".into(),
            ..Default::default()
        };
        let printed = format!(
            "{:?} {:#?}",
            CreateAccessKeyResponse { access_key: Some(key) },
            AssumeRoleResponse { credentials: Some(session), ..Default::default() },
        );
        assert!(printed.contains("AKIAEXAMPLE") && printed.contains("ASIAEXAMPLE"), "{printed}");
        assert!(!printed.contains("keep-this"), "{printed}");
    }
}
