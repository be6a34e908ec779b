//! Who a client's command calls as: an access key or a token, from the environment or a file and never from the command
//! line, which other processes can read.

use std::ffi::OsString;
use std::path::PathBuf;
use std::{fmt, io};
use tonic::metadata::{Ascii, MetadataValue};

const TOKEN: &str = "CAIRN_TOKEN";
const ACCESS_KEY_ID: &str = "CAIRN_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "CAIRN_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "CAIRN_SESSION_TOKEN";

/// What calls show.
#[derive(Clone)]
pub(crate) enum Credentials {
    /// Nothing: the caller is nobody.
    None,
    /// The same in each call.
    Fixed(MetadataValue<Ascii>),
    /// What is in the file when the call is made: such tokens are replaced while a command runs.
    File(PathBuf),
}

/// Why credentials cannot be used. No text holds any of them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// One variable is nothing without another.
    #[error("{given} is set and {missing} is not")]
    Incomplete {
        /// The one that is set.
        given: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// There are characters that no credentials have.
    #[error("{place} does not hold credentials: they are printable ASCII without spaces")]
    Malformed {
        /// Where.
        place: String,
    },
    /// The file cannot be read.
    #[error("cannot read the token in {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(f, "None"),
            Self::Fixed(_) => write!(f, "Fixed(hidden)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

impl Credentials {
    /// What the environment says, or the file if one is named.
    ///
    /// # Errors
    /// If that is half an access key, or no credentials at all.
    pub(crate) fn find(
        token_file: Option<PathBuf>,
        variable: impl Fn(&'static str) -> Option<OsString>,
    ) -> Result<Self, CredentialsError> {
        if let Some(path) = token_file {
            return Ok(Self::File(path));
        }
        // An empty variable is how scripts say that there is none.
        let text = |name: &'static str| {
            variable(name)
                .filter(|value| !value.is_empty())
                .map(|value| value.into_string().map_err(|_| malformed(name)))
                .transpose()
        };
        if let Some(token) = text(TOKEN)? {
            return bearer(&token, TOKEN).map(Self::Fixed);
        }
        let (id, secret, session) = (text(ACCESS_KEY_ID)?, text(SECRET_ACCESS_KEY)?, text(SESSION_TOKEN)?);
        match (id, secret, session) {
            (None, None, None) => Ok(Self::None),
            (Some(id), Some(secret), None) => {
                bearer(&format!("{id}.{secret}"), SECRET_ACCESS_KEY).map(Self::Fixed)
            }
            (Some(id), Some(secret), Some(session)) => {
                bearer(&format!("{id}.{secret}.{session}"), SECRET_ACCESS_KEY).map(Self::Fixed)
            }
            (Some(_), None, _) => {
                Err(CredentialsError::Incomplete { given: ACCESS_KEY_ID, missing: SECRET_ACCESS_KEY })
            }
            (None, Some(_), _) => {
                Err(CredentialsError::Incomplete { given: SECRET_ACCESS_KEY, missing: ACCESS_KEY_ID })
            }
            (None, None, Some(_)) => {
                Err(CredentialsError::Incomplete { given: SESSION_TOKEN, missing: ACCESS_KEY_ID })
            }
        }
    }

    /// The `authorization` of a call that is made now.
    ///
    /// # Errors
    /// If the file with the token cannot be read, or holds none.
    pub(crate) fn bearer(&self) -> Result<Option<MetadataValue<Ascii>>, CredentialsError> {
        match self {
            Self::None => Ok(None),
            Self::Fixed(bearer) => Ok(Some(bearer.clone())),
            Self::File(path) => {
                let token = std::fs::read_to_string(path)
                    .map_err(|source| CredentialsError::Read { path: path.clone(), source })?;
                bearer(token.trim(), &path.display().to_string()).map(Some)
            }
        }
    }
}

fn malformed(place: &str) -> CredentialsError {
    CredentialsError::Malformed { place: place.to_owned() }
}

/// Marked, so that whatever prints the metadata leaves it out.
fn bearer(credentials: &str, place: &str) -> Result<MetadataValue<Ascii>, CredentialsError> {
    if credentials.is_empty() || !credentials.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(malformed(place));
    }
    let mut value: MetadataValue<Ascii> =
        format!("Bearer {credentials}").parse().map_err(|_| malformed(place))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn find(variables: &[(&str, &str)]) -> Result<Credentials, CredentialsError> {
        Credentials::find(None, |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
    }

    fn shown(credentials: &Credentials) -> Option<String> {
        let bearer = credentials.bearer().unwrap()?;
        assert!(bearer.is_sensitive());
        Some(bearer.to_str().unwrap().to_owned())
    }

    #[test]
    fn an_access_key_a_session_and_a_token_are_shown_as_a_bearer() {
        let key = [(ACCESS_KEY_ID, "AKIA1"), (SECRET_ACCESS_KEY, "s/+=")];
        assert_eq!(shown(&find(&key).unwrap()).unwrap(), "Bearer AKIA1.s/+=");
        let session = [key[0], key[1], (SESSION_TOKEN, "t")];
        assert_eq!(shown(&find(&session).unwrap()).unwrap(), "Bearer AKIA1.s/+=.t");
        let token = [key[0], key[1], (TOKEN, "eyJ.e.s")];
        assert_eq!(shown(&find(&token).unwrap()).unwrap(), "Bearer eyJ.e.s");
        assert_eq!(shown(&find(&[]).unwrap()), None);
        assert_eq!(shown(&find(&[(TOKEN, ""), (ACCESS_KEY_ID, "")]).unwrap()), None);
    }

    #[test]
    fn half_an_access_key_is_an_error_that_says_what_is_missing() {
        for (given, missing) in [
            (ACCESS_KEY_ID, SECRET_ACCESS_KEY),
            (SECRET_ACCESS_KEY, ACCESS_KEY_ID),
            (SESSION_TOKEN, ACCESS_KEY_ID),
        ] {
            let error = find(&[(given, "hunter2")]).unwrap_err().to_string();
            assert_eq!(error, format!("{given} is set and {missing} is not"));
        }
    }

    #[test]
    fn a_token_file_is_read_again_for_each_call() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "first").unwrap();
        let credentials = Credentials::find(Some(file.path().into()), |_| Some("unused".into())).unwrap();
        assert_eq!(shown(&credentials).unwrap(), "Bearer first");
        std::fs::write(file.path(), "second\n").unwrap();
        assert_eq!(shown(&credentials).unwrap(), "Bearer second");
        std::fs::write(file.path(), "\n").unwrap();
        assert!(matches!(credentials.bearer(), Err(CredentialsError::Malformed { .. })));
        file.close().unwrap();
        assert!(matches!(credentials.bearer(), Err(CredentialsError::Read { .. })));
    }

    #[test]
    fn no_secret_is_in_an_error_or_in_debug() {
        let error = find(&[(TOKEN, "hunter2 hunter2")]).unwrap_err();
        let credentials = find(&[(TOKEN, "hunter2")]).unwrap();
        let shown = format!("{error} {error:?} {credentials:?} {:?}", credentials.bearer().unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
