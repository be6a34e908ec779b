//! What the operator says about issuers of tokens and about client certificates, as read from the configuration.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How callers may be known other than by access keys.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthenticationSettings {
    /// The issuers whose JWTs are accepted.
    pub issuers: Vec<IssuerSettings>,
    /// Which client certificate stands for whom; the first rule that fits counts.
    pub certificates: Vec<CertificateRule>,
    /// The region that signatures of requests must be scoped to; if there is none, any is taken [default: none].
    pub signing_region: Option<String>,
}

/// An issuer of JWTs.
#[derive(Clone, Debug, Deserialize, Serialize)]
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
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum JwksSource {
    /// In a file.
    File(PathBuf),
    /// At a URL.
    Url(JwksUrl),
}

/// A URL of public keys.
#[derive(Clone, Debug, Deserialize, Serialize)]
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
#[derive(Clone, Debug, Deserialize, Serialize)]
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
#[derive(Clone, Debug, Deserialize, Serialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
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

impl IssuerSettings {
    /// How the condition keys of its claims begin: its name without the scheme, in lower case.
    pub(crate) fn key_prefix(&self) -> String {
        let name = self.issuer.as_str();
        let name = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://")).unwrap_or(name);
        name.to_lowercase()
    }

    /// Whether a rule or a condition key may be about a claim.
    pub(crate) fn looks_at(&self, claim: &str) -> bool {
        matches!(claim, "sub" | "aud")
            || self.claims.iter().any(|shown| shown == claim)
            || self.rules.iter().any(|rule| rule.claims.contains_key(claim))
    }
}

/// Checks what can be checked of the settings without reading anything.
pub(crate) fn check(settings: &AuthenticationSettings) -> Result<(), SettingsError> {
    let mut names = std::collections::HashSet::new();
    for (number, issuer) in settings.issuers.iter().enumerate() {
        let place = format!("issuers[{number}]");
        if issuer.issuer.is_empty() || !names.insert(&issuer.issuer) {
            return wrong(&place, "each issuer needs a name of its own");
        }
        // Its claims become condition keys that begin with its name: they must not look like anybody else's.
        let prefix = issuer.key_prefix();
        if ["aws", "cairn", "dynamodb", "iam", "sts"].contains(&prefix.split(':').next().unwrap_or_default())
        {
            return wrong(&place, "an issuer cannot have the name of a service");
        }
        if issuer.audiences.is_empty() || issuer.audiences.iter().any(String::is_empty) {
            return wrong(
                &place,
                "it needs an audience: without one, tokens meant for others would be accepted",
            );
        }
        if issuer.leeway_seconds > 300 {
            return wrong(&place, "leeway_seconds must be 0 to 300");
        }
        if !(10..=86_400).contains(&issuer.refresh_seconds) {
            return wrong(&place, "refresh_seconds must be 10 to 86400");
        }
        if let JwksSource::Url(url) = &issuer.jwks {
            check_url(&place, &url.url)?;
        }
        if issuer.rules.is_empty() {
            return wrong(&place, "it needs a rule: without one, all its tokens would be refused");
        }
        for (number, rule) in issuer.rules.iter().enumerate() {
            let place = format!("{place}.rules[{number}]");
            if rule.claims.is_empty() {
                return wrong(&place, "it needs a claim to look at; for any subject say sub = \"*\"");
            }
            check_target(&place, rule.role.as_deref(), rule.user.as_deref())?;
        }
    }
    for (number, rule) in settings.certificates.iter().enumerate() {
        let place = format!("certificates[{number}]");
        if rule.pattern.is_empty() {
            return wrong(&place, "it needs a pattern");
        }
        check_target(&place, rule.role.as_deref(), rule.user.as_deref())?;
    }
    Ok(())
}

fn check_target(place: &str, role: Option<&str>, user: Option<&str>) -> Result<(), SettingsError> {
    match (role, user) {
        (Some(name), None) | (None, Some(name)) => match crate::names::check_user_name("name", name) {
            Ok(()) => Ok(()),
            Err(_) => wrong(place, "the role or user is not the name of one"),
        },
        _ => wrong(place, "it needs either a role or a user"),
    }
}

fn check_url(place: &str, url: &str) -> Result<(), SettingsError> {
    let Ok(uri) = url.parse::<http::Uri>() else { return wrong(place, "the url cannot be read") };
    let host = uri.host().unwrap_or_default();
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return wrong(place, "the url must not hold credentials");
    }
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    let loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(()),
        Some("http") if loopback => Ok(()),
        Some("http") => wrong(place, "keys are fetched over https; http is for a loopback address only"),
        _ => wrong(place, "the url must be https://…"),
    }
}

fn wrong(place: &str, message: &str) -> Result<(), SettingsError> {
    Err(SettingsError { place: place.to_owned(), message: message.to_owned() })
}
