//! Who is calling, and what speaks for them: users, groups, roles, access keys and policies in the store, and the
//! checking of credentials.
//!
//! [`Identities`] are the records of one store and an image of them in memory, with every policy compiled.
//! [`Authenticator`] turns what a request came with into a [`Principal`]:
//!
//! | credential | bearer token | principal |
//! | --- | --- | --- |
//! | access key of a user, or of root | `<access key id>.<secret access key>` | the user, or root |
//! | access key of a session | `<access key id>.<secret access key>.<session token>` | the session of the role |
//! | either of them, in a signed request | none: a signature ([`SignedRequest`]) | the same |
//! | JWT of a configured issuer | the token | a session of a role, or a user, as the issuer's rules say |
//! | client certificate | none | a session of a role, or a user, as the certificate rules say |
//!
//! and [`Identities::policies`] answers for a principal, with each call and each page of a stream, which policies
//! speak for it *now*, or that it is no longer anyone. What those policies say is `cairn-policy`; which actions a call
//! needs is `cairn-ops`; asking the one about the other is `cairn-stack`. Nothing here knows a protocol.
//!
//! # Secrets
//!
//! Secret access keys are needed again to check signatures, so they are not hashed but encrypted, under keys that the
//! operator supplies ([`EncryptionKeys`]), each for its own record. Session tokens are sealed under the same keys and
//! kept nowhere. In memory secrets are [`Secret`]s, which neither print nor serialize.
//!
//! # Service accounts of Kubernetes
//!
//! A pod gets a token for Cairn from a projected volume:
//!
//! ```yaml
//! volumes:
//!   - name: cairn
//!     projected:
//!       sources:
//!         - serviceAccountToken: {path: token, audience: cairn, expirationSeconds: 3600}
//! ```
//!
//! Cairn is told of the cluster, and which service account stands for which role ([`AuthenticationSettings`]):
//!
//! ```toml
//! [[issuers]]
//! issuer = "https://kubernetes.default.svc.cluster.local"
//! audiences = ["cairn"]
//! [issuers.jwks.url]
//! url = "https://kubernetes.default.svc/openid/v1/jwks"
//! ca_file = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
//! bearer_token_file = "/var/run/secrets/kubernetes.io/serviceaccount/token"
//! [[issuers.rules]]
//! claims = { sub = "system:serviceaccount:shop:*" }
//! role = "shop"
//! ```
//!
//! And the role `shop` says in its trust policy that it may be had this way; without that, it may not:
//!
//! ```json
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [{
//!     "Effect": "Allow",
//!     "Principal": {"Federated": "https://kubernetes.default.svc.cluster.local"},
//!     "Action": "sts:AssumeRoleWithWebIdentity",
//!     "Condition": {
//!       "StringEquals": {"kubernetes.default.svc.cluster.local:aud": "cairn"},
//!       "StringLike": {"kubernetes.default.svc.cluster.local:sub": "system:serviceaccount:shop:*"}
//!     }
//!   }]
//! }
//! ```
//!
//! The pod's calls are then those of `assumed-role/shop/system=serviceaccount=shop=<account>`, until the token ends.
//! A rule may name a user instead; users have no trust policy, so the rule alone decides, as it does for client
//! certificates, whose authority is the operator's own.

mod authenticator;
mod built_in;
mod certificate;
mod encryption;
mod entities;
mod error;
mod glob;
mod identities;
mod jwt;
mod names;
mod principal;
mod secret;
mod settings;
mod sigv4;

pub use authenticator::{Authenticator, SignatureClaim};
pub use encryption::{EncryptionKey, EncryptionKeyError, EncryptionKeys};
pub use entities::*;
pub use error::{AuthenticationError, EntityKind, IdentityError, JwksError, Reason};
pub use identities::{GeneratedRootKey, Identities, IdentityOptions, RootKey};
pub use names::{
    ACCESS_KEYS_PER_USER_MAX, ATTACHED_POLICIES_MAX, GROUPS_MAX, GROUPS_PER_USER_MAX, INLINE_POLICIES_MAX,
    POLICIES_MAX, ROLES_MAX, SESSION_SECONDS_DEFAULT, SESSION_SECONDS_MAX, SESSION_SECONDS_MIN, TAGS_MAX,
    USERS_MAX,
};
pub use principal::{Principal, PrincipalKind};
pub use secret::Secret;
pub use settings::*;
pub use sigv4::{BodyHash, SignatureError, SignedRequest, Signer, SigningError, is_signature};

use jiff::Timestamp;
use std::sync::Arc;

/// Where the time comes from, so that a test can hold it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
