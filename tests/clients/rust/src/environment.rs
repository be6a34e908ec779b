//! What a suite is told: where the server is, and who it may be.

use cairn_auth::Secret;
use std::path::PathBuf;

/// What a caller signs with.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The part that may be known.
    pub access_key_id: String,
    /// The part that may not.
    pub secret_access_key: Secret,
    /// Of a session: what has to be sent beside the signature.
    pub session_token: Option<Secret>,
}

/// Where a server is, and credentials that it knows.
#[derive(Clone, Debug)]
pub struct Environment {
    /// `http://127.0.0.1:<port>`.
    pub endpoint: String,
    /// The same of a server for development, of the same region.
    pub development_endpoint: String,
    /// The server's region.
    pub region: String,
    /// A user who may do everything.
    pub administrator: Credentials,
    /// A user who may only read.
    pub reader: Credentials,
    /// A session of a role that may do everything.
    pub session: Credentials,
    /// Where no file is: what an SDK would read of its own accord.
    pub absent_file: PathBuf,
}

impl Environment {
    /// The same as variables of a process: those that every SDK of AWS knows, so that a client which is told nothing
    /// else is the administrator, and `CAIRN_TEST_*` for the other callers.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let Self { endpoint, development_endpoint, region, administrator, reader, session, absent_file } =
            self;
        let absent_file = absent_file.display().to_string();
        let secret = |secret: &Secret| secret.expose().to_owned();
        let mut variables = vec![
            ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.clone()),
            ("AWS_REGION", region.clone()),
            ("AWS_DEFAULT_REGION", region.clone()),
            ("AWS_ACCESS_KEY_ID", administrator.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", secret(&administrator.secret_access_key)),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", absent_file.clone()),
            ("AWS_SHARED_CREDENTIALS_FILE", absent_file),
            ("CAIRN_TEST_DEVELOPMENT_ENDPOINT", development_endpoint.clone()),
            ("CAIRN_TEST_READER_ACCESS_KEY_ID", reader.access_key_id.clone()),
            ("CAIRN_TEST_READER_SECRET_ACCESS_KEY", secret(&reader.secret_access_key)),
            ("CAIRN_TEST_SESSION_ACCESS_KEY_ID", session.access_key_id.clone()),
            ("CAIRN_TEST_SESSION_SECRET_ACCESS_KEY", secret(&session.secret_access_key)),
        ];
        if let Some(token) = &session.session_token {
            variables.push(("CAIRN_TEST_SESSION_TOKEN", secret(token)));
        }
        variables
    }

    /// Whether a variable of the process that starts a suite would tell an SDK something else, and must go: the
    /// machine's own settings for AWS, and a proxy for plain HTTP.
    pub fn displaces(variable: &str) -> bool {
        variable.starts_with("AWS_") || variable.eq_ignore_ascii_case("http_proxy")
    }
}
