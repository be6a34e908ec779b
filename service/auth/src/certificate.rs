//! Client certificates: their dates and their alternative names. That their chain is trusted, and that the client has
//! the private key, the TLS layer has established.

use crate::{AuthenticationError, Reason, SanKind};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The largest certificate that is looked at, in bytes.
const CERTIFICATE_MAX: usize = 16 << 10;
/// The most alternative names that are looked at.
const NAMES_MAX: usize = 100;

/// What is believed of a client certificate.
pub(crate) struct ClientCertificate {
    pub(crate) names: Vec<(SanKind, String)>,
    /// Seconds since 1970.
    not_before: i64,
    pub(crate) not_after: i64,
}

impl ClientCertificate {
    pub(crate) fn read(der: &[u8]) -> Result<Self, AuthenticationError> {
        let malformed = || AuthenticationError::UnrecognizedClient(Reason::MalformedCertificate);
        if der.len() > CERTIFICATE_MAX {
            return Err(malformed());
        }
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| malformed())?;
        if !rest.is_empty() {
            return Err(malformed());
        }
        let names = certificate.subject_alternative_name().map_err(|_| malformed())?;
        let names = names.iter().flat_map(|names| &names.value.general_names).take(NAMES_MAX);
        let names = names.filter_map(|name| match name {
            GeneralName::URI(uri) => Some((SanKind::Uri, (*uri).to_owned())),
            GeneralName::DNSName(name) => Some((SanKind::Dns, name.to_ascii_lowercase())),
            GeneralName::RFC822Name(address) => Some((SanKind::Email, (*address).to_owned())),
            _ => None,
        });
        Ok(Self {
            names: names.collect(),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
        })
    }

    /// Whether the certificate is for the present, in seconds since 1970. Both its dates belong to its time.
    pub(crate) fn check_times(&self, now: i64) -> Result<(), AuthenticationError> {
        if now > self.not_after {
            return Err(AuthenticationError::Expired);
        }
        if now < self.not_before {
            return Err(AuthenticationError::NotYetValid);
        }
        Ok(())
    }
}
