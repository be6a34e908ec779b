//! Encryption of what must stay secret at rest, under keys that the operator supplies.
//!
//! XChaCha20-Poly1305 with a random nonce of 24 bytes: long enough that random nonces never repeat, however many
//! sessions are begun under one key. What a sealed text belongs to (its record's key, say) is authenticated with it,
//! so that it cannot be moved to another place.

use crate::{IdentityError, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const ID_BYTES: usize = 8;
/// The largest file that is read for a key.
const KEY_FILE_BYTES_MAX: u64 = 4_096;

/// A SHA-256 digest.
pub(crate) type Digest = [u8; 32];

/// One of the operator's keys: 256 random bits.
#[derive(Clone)]
pub struct EncryptionKey {
    id: [u8; ID_BYTES],
    cipher: XChaCha20Poly1305,
}

/// The operator's keys: the first encrypts, all decrypt. To rotate, put a new one in front, start the server, and
/// leave the old one out when the longest session has ended: at start everything is encrypted anew under the first.
#[derive(Clone, Debug)]
pub struct EncryptionKeys(Arc<[EncryptionKey]>);

/// Why a text is no encryption key. None of these repeats the text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptionKeyError {
    /// It is not 32 bytes in base64 or hexadecimal digits.
    #[error("an encryption key is 32 random bytes, written in base64 or as 64 hexadecimal digits")]
    Form,
    /// All its bytes are the same.
    #[error("an encryption key of 32 equal bytes is not random")]
    NotRandom,
    /// There is no key.
    #[error("at least one encryption key is needed")]
    None,
    /// The file could not be read.
    #[error("cannot read the encryption key from {path}")]
    File {
        /// Which file.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl EncryptionKey {
    /// A key of these bytes.
    ///
    /// # Errors
    /// [`NotRandom`](EncryptionKeyError::NotRandom) for a key of equal bytes, such as one that was never filled in.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<Self, EncryptionKeyError> {
        if bytes.iter().all(|byte| Some(byte) == bytes.first()) {
            return Err(EncryptionKeyError::NotRandom);
        }
        // A digest of 256 random bits tells nothing about them.
        let mut named = ring::digest::Context::new(&ring::digest::SHA256);
        named.update(b"cairn encryption key id\0");
        named.update(bytes);
        let mut id = [0; ID_BYTES];
        for (byte, digest) in id.iter_mut().zip(named.finish().as_ref()) {
            *byte = *digest;
        }
        Ok(Self { id, cipher: XChaCha20Poly1305::new(bytes.into()) })
    }

    /// A key written in base64 (either alphabet, with or without padding) or as 64 hexadecimal digits. White space
    /// around it is ignored.
    pub fn parse(text: &str) -> Result<Self, EncryptionKeyError> {
        let text = text.trim();
        let decoded = Zeroizing::new(match text.len() {
            64 => from_hex(text),
            43 => STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok(),
            44 => {
                STANDARD.decode(text).or_else(|_| base64::engine::general_purpose::URL_SAFE.decode(text)).ok()
            }
            _ => None,
        });
        let bytes: Option<&[u8; KEY_BYTES]> = decoded.as_deref().and_then(|bytes| bytes.try_into().ok());
        Self::from_bytes(bytes.ok_or(EncryptionKeyError::Form)?)
    }

    /// A key from a file: its text as [`parse`](Self::parse) reads it, or 32 bytes as they are.
    pub fn read(path: &Path) -> Result<Self, EncryptionKeyError> {
        let content = read_limited(path)
            .map_err(|source| EncryptionKeyError::File { path: path.display().to_string(), source })?;
        if let Ok(bytes) = <&[u8; KEY_BYTES]>::try_from(content.as_slice()) {
            return Self::from_bytes(bytes);
        }
        Self::parse(std::str::from_utf8(&content).map_err(|_| EncryptionKeyError::Form)?)
    }

    /// A new random key: for a store that does not outlive its process.
    ///
    /// # Errors
    /// [`Randomness`](IdentityError::Randomness) if the operating system gives none.
    pub fn generate() -> Result<Self, IdentityError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        random(bytes.as_mut_slice())?;
        Self::from_bytes(&bytes).map_err(|_| IdentityError::Randomness(getrandom::Error::UNEXPECTED))
    }

    /// The name under which sealed texts refer to the key: a digest of it, in hexadecimal.
    pub fn id(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionKey({})", self.id())
    }
}

/// Why a sealed text does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("sealed under a key that is not configured")]
    UnknownKey,
    #[error("not as it was sealed, or sealed for another place")]
    Damaged,
}

impl EncryptionKeys {
    /// These keys; the first encrypts.
    pub fn new(keys: Vec<EncryptionKey>) -> Result<Self, EncryptionKeyError> {
        if keys.is_empty() { Err(EncryptionKeyError::None) } else { Ok(Self(keys.into())) }
    }

    /// The ids of the keys.
    pub fn ids(&self) -> Vec<String> {
        self.0.iter().map(EncryptionKey::id).collect()
    }

    /// The key that encrypts.
    fn first(&self) -> Option<&EncryptionKey> {
        self.0.first()
    }

    /// Whether `sealed` is under the key that encrypts.
    pub(crate) fn is_current(&self, sealed: &[u8]) -> bool {
        self.first().is_some_and(|key| sealed.starts_with(&key.id))
    }

    /// Encrypts `text` so that it opens only with the same `place`: `key id · nonce · ciphertext and tag`.
    pub(crate) fn seal(&self, text: &[u8], place: &[u8]) -> Result<Vec<u8>, IdentityError> {
        let mut nonce = [0; NONCE_BYTES];
        random(&mut nonce)?;
        // Neither an empty list of keys nor a text too long to encrypt (256 GB) can come here.
        let lost = || IdentityError::DamagedSecret("an encryption key".to_owned());
        let key = self.first().ok_or_else(lost)?;
        let payload = Payload { msg: text, aad: place };
        let ciphertext = key.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| lost())?;
        Ok([key.id.as_slice(), &nonce, &ciphertext].concat())
    }

    /// Decrypts what [`seal`](Self::seal) made for the same place.
    pub(crate) fn open(&self, sealed: &[u8], place: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (id, rest) = sealed.split_first_chunk::<ID_BYTES>().ok_or(OpenError::Damaged)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Damaged)?;
        let key = self.0.iter().find(|key| key.id == *id).ok_or(OpenError::UnknownKey)?;
        let payload = Payload { msg: ciphertext, aad: place };
        let opened = key.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| OpenError::Damaged)?;
        Ok(Zeroizing::new(opened))
    }

    /// [`open`](Self::open) for a text.
    pub(crate) fn open_text(&self, sealed: &[u8], place: &[u8]) -> Result<Secret, OpenError> {
        let opened = self.open(sealed, place)?;
        std::str::from_utf8(&opened).map(Secret::new).map_err(|_| OpenError::Damaged)
    }
}

/// The id of the key that `sealed` is under, for messages.
pub(crate) fn sealing_key_id(sealed: &[u8]) -> String {
    sealed.iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// Fills `bytes` with randomness of the operating system.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), IdentityError> {
    getrandom::fill(bytes).map_err(IdentityError::Randomness)
}

/// SHA-256.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    let mut digest = [0; 32];
    for (to, from) in digest.iter_mut().zip(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref()) {
        *to = *from;
    }
    digest
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

fn read_limited(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    use std::io::Read;
    let mut content = Zeroizing::new(Vec::with_capacity(256));
    std::fs::File::open(path)?.take(KEY_FILE_BYTES_MAX).read_to_end(&mut content)?;
    Ok(content)
}
