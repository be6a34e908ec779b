//! What CreateTable and UpdateTable say of streams and of encryption (semantics 3.3).

use super::key_definitions::invalid;
use crate::{Error, FieldPath, Result};

/// Whether a table is to have a stream, as a caller says it.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamInput {
    /// Whether it is.
    pub enabled: bool,
    /// Whether the caller said what records are to hold.
    pub has_view: bool,
}

/// How a table is to be encrypted, as a caller says it.
#[derive(Clone, Debug, Default)]
pub struct EncryptionInput {
    /// Whether it is to be, beyond what is done for every table.
    pub enabled: bool,
    /// Whether under a key of the service, which cannot be asked for.
    pub is_service_key: bool,
    /// The key; none for the default one.
    pub key: Option<String>,
}

impl StreamInput {
    /// Refuses what makes no sense, and what is not served yet.
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self { enabled: true, .. } => Err(Error::NotImplemented { feature: "StreamSpecification" }),
            Self { enabled: false, has_view: true } => Err(invalid(
                "stream_specification",
                "StreamViewType cannot be specified when StreamEnabled is false",
            )
            .into()),
            Self { enabled: false, has_view: false } => Ok(()),
        }
    }
}

impl EncryptionInput {
    /// Whether the table is to be described as encrypted. What encrypts it is the operator's disk, so a key of the
    /// caller's cannot be had.
    pub(super) fn check(&self) -> Result<bool> {
        let field = |member| FieldPath::from("sse_specification").field(member);
        if self.enabled && self.is_service_key {
            return Err(invalid(field("sse_type"), "SSEType AES256 is not supported, use KMS").into());
        }
        match &self.key {
            None => Ok(self.enabled),
            Some(_) if !self.enabled => Err(invalid(
                field("kms_master_key_id"),
                "KMSMasterKeyId cannot be specified when SSE is not enabled",
            )
            .into()),
            Some(key) if key == DEFAULT_KEY => Ok(true),
            Some(_) => Err(Error::NotImplemented { feature: "SSESpecification.KMSMasterKeyId" }),
        }
    }
}

/// The name of the key that is used unless another is asked for.
pub(crate) const DEFAULT_KEY: &str = "alias/aws/dynamodb";
