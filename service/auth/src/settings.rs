//! What the operator says about issuers of tokens and about client certificates, as read from the configuration.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How callers may be known other than by access keys.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthenticationSettings {
    /// The issuers whose JWTs are accepted.
    pub issuers: Vec<IssuerSettings>,
    /// Which client certificate stands for whom; the first rule that fits counts.
    pub certificates: Vec<CertificateRule>,
}

/// An issuer of JWTs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// Its name exactly as in the tokens' `iss`: `https://kubernetes.default.svc.cluster.local`.
    pub issuer: String,
    /// A token must be for one of these (`aud`). At least one.
    pub audiences: Vec<String>,
    /// Where its public keys are.
    pub jwks: JwksSource,
    /// How far its clock may be off, in seconds: 0 to 300 [default: 60].
    #[serde(default = "default_leeway_seconds")]
    pub leeway_seconds: u32,
    /// How often its keys are read again, in seconds: 10 to 86,400 [default: 300].
    #[serde(default = "default_refresh_seconds")]
    pub refresh_seconds: u32,
    /// Which token stands for whom; the first rule that fits counts, and a token that none fits is refused.
    pub rules: Vec<ClaimRule>,
    /// Claims beside `sub` and `aud` that policies may see as `<issuer without https://>:<claim>`. Texts, numbers,
    /// booleans and lists of texts can be seen.
    #[serde(default)]
    pub claims: Vec<String>,
}

/// Where an issuer's public keys (a JWKS document) are. Either a file or a URL.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum JwksSource {
    /// In a file.
    File(PathBuf),
    /// At a URL.
    Url(JwksUrl),
}

/// A URL of public keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwksUrl {
    /// The URL: `https://…`; `http://…` to a loopback address only. Redirections are not followed.
    pub url: String,
    /// The certificates (PEM) of the authorities that may vouch for the server, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A file with a token to send as `Authorization: Bearer`, read again for each request.
    #[serde(default)]
    pub bearer_token_file: Option<PathBuf>,
}

/// Which tokens of an issuer stand for which role or user.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRule {
    /// What each of these claims must look like; `*` stands for any text and `?` for any character. A claim that is a
    /// list fits if one of its texts does.
    pub claims: BTreeMap<String, String>,
    /// The role by name: the token stands for a session of it, named after the token's subject.
    #[serde(default)]
    pub role: Option<String>,
    /// The user by name.
    #[serde(default)]
    pub user: Option<String>,
}

/// Which client certificates stand for which role or user.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateRule {
    /// Which of the certificate's alternative names is looked at.
    pub san: SanKind,
    /// What it must look like; `*` stands for any text and `?` for any character.
    pub pattern: String,
    /// The role by name: the certificate stands for a session of it, named after the alternative name that fitted.
    #[serde(default)]
    pub role: Option<String>,
    /// The user by name.
    #[serde(default)]
    pub user: Option<String>,
}

/// A kind of subject alternative name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SanKind {
    /// A URI, such as `spiffe://cluster.local/ns/shop/sa/orders`.
    Uri,
    /// A host name.
    Dns,
    /// A mail address.
    Email,
}

fn default_leeway_seconds() -> u32 {
    60
}

fn default_refresh_seconds() -> u32 {
    300
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {message}")]
pub struct SettingsError {
    /// Where: `issuers[0].rules[2]`.
    pub place: String,
    /// What is wrong there.
    pub message: String,
}
