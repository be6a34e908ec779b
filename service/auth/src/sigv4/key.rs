//! The signing key of a day and a region, and the signature itself.

use super::TERMINATOR;
use crate::Secret;
use ring::hmac::{HMAC_SHA256, Key, Tag, sign};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A signature, in bytes.
pub(super) type Signature = [u8; 32];

/// What signs the requests of one access key, on one day, in one region, to one service. It does not tell the secret
/// access key it is derived from.
#[derive(Clone)]
pub(crate) struct SigningKey(Key);

impl SigningKey {
    /// The key of this scope. `date` is `YYYYMMDD`.
    pub(crate) fn derive(secret: &Secret, date: &str, region: &str, service: &str) -> Self {
        let mut first = Zeroizing::new(Vec::with_capacity(4 + secret.expose().len()));
        first.extend_from_slice(b"AWS4");
        first.extend_from_slice(secret.expose().as_bytes());
        let parts = [date, region, service, TERMINATOR];
        Self(parts.iter().fold(Key::new(HMAC_SHA256, &first), |key, part| {
            Key::new(HMAC_SHA256, sign(&key, part.as_bytes()).as_ref())
        }))
    }

    pub(super) fn sign(&self, text: &[u8]) -> Tag {
        sign(&self.0, text)
    }

    /// Whether that is the signature of the text; takes as long whichever byte differs.
    pub(super) fn matches(&self, text: &[u8], signature: &Signature) -> bool {
        self.sign(text).as_ref().ct_eq(signature).into()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| DIGITS.get(usize::from(digit))).map(|digit| char::from(*digit)).collect()
}

/// The signature that these digits are: 64 of them, lower-case, as every client writes them.
pub(super) fn read_signature(text: &[u8]) -> Option<Signature> {
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut signature = [0; 32];
    for (byte, pair) in signature.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(signature)
}
