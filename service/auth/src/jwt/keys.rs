//! The public keys of an issuer: a JWKS document (RFC 7517), and signatures checked with them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use std::sync::Arc;

/// The most keys that an issuer may have.
const KEYS_MAX: usize = 100;

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

/// The public keys of an issuer.
#[derive(Clone, Debug, Default)]
pub(super) struct KeySet(Vec<Arc<Key>>);

/// A public key.
#[derive(Debug)]
pub(super) struct Key {
    kid: Option<String>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// An uncompressed point.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, rename = "use")]
    use_: Option<String>,
    #[serde(default)]
    key_ops: Option<Vec<String>>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

impl Algorithm {
    /// The algorithm that a header names; none for those that are never accepted.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            // RFC 9864 names the curve as well.
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

impl KeySet {
    /// Reads a JWKS document. Keys of other kinds, for other uses or too weak are left out.
    pub(super) fn read(document: &[u8]) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(document)
            .map_err(|error| format!("it is not a JWKS document: {error}"))?;
        if document.keys.len() > KEYS_MAX {
            return Err(format!("it has {} keys; at most {KEYS_MAX} are read", document.keys.len()));
        }
        let keys: Vec<_> = document.keys.into_iter().filter_map(Key::read).map(Arc::new).collect();
        if keys.is_empty() {
            Err("it has no key for RS256, ES256 or EdDSA".to_owned())
        } else {
            Ok(Self(keys))
        }
    }

    /// The key of that name; without a name the only key there is.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&Arc<Key>> {
        match (kid, self.0.as_slice()) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_deref() == Some(kid)),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

impl Key {
    fn read(jwk: Jwk) -> Option<Self> {
        let for_signatures = jwk.use_.as_deref().is_none_or(|use_| use_ == "sig");
        let verifies = jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !for_signatures || !verifies {
            return None;
        }
        let decode = |part: &Option<String>| URL_SAFE_NO_PAD.decode(part.as_deref()?).ok();
        let of_32_bytes = |part: &Option<String>| decode(part).filter(|bytes| bytes.len() == 32);
        let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => {
                let modulus = decode(&jwk.n)?;
                let leading_zeros = modulus.iter().take_while(|byte| **byte == 0).count();
                Material::Rsa { modulus: modulus.get(leading_zeros..)?.to_vec(), exponent: decode(&jwk.e)? }
            }
            ("EC", Some("P-256")) => {
                Material::P256([vec![4], of_32_bytes(&jwk.x)?, of_32_bytes(&jwk.y)?].concat())
            }
            ("OKP", Some("Ed25519")) => Material::Ed25519(of_32_bytes(&jwk.x)?),
            _ => return None,
        };
        let key = Self { kid: jwk.kid, material };
        let fits = match &key.material {
            Material::Rsa { modulus, exponent } => {
                (256..=1_024).contains(&modulus.len()) && exponent.len() <= 8
            }
            Material::P256(_) | Material::Ed25519(_) => true,
        };
        let declared = jwk.alg.as_deref().map(Algorithm::named);
        (fits && declared.is_none_or(|declared| declared == Some(key.algorithm()))).then_some(key)
    }

    /// The one algorithm that the key is for.
    pub(super) fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Rsa { .. } => Algorithm::Rs256,
            Material::P256(_) => Algorithm::Es256,
            Material::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// Whether `signature` is this key's for `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.material {
            Material::Rsa { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
            Material::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Material::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature),
        };
        verified.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verifies(jwk: &str, token: &str) -> bool {
        let keys = KeySet::read(format!(r#"{{"keys": [{jwk}]}}"#).as_bytes()).expect("a key set");
        let (signed, signature) = token.rsplit_once('.').expect("a token");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
        keys.find(None).expect("one key").verifies(signed.as_bytes(), &signature)
    }

    /// RFC 7515, appendix A.3.
    #[test]
    fn the_es256_example_of_the_standard_verifies() {
        let jwk = r#"{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
        let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9\
            pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        assert!(verifies(jwk, token));
        assert!(!verifies(jwk, &token.replace("eyJpc3", "eyJpc4")));
    }

    /// RFC 8037, appendix A.4.
    #[test]
    fn the_ed25519_example_of_the_standard_verifies() {
        let jwk = r#"{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3A\
            IbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        assert!(verifies(jwk, token));
        assert!(!verifies(jwk, &token.replace("RXhh", "RXhi")));
    }

    /// RFC 7515, appendix A.2.
    #[test]
    fn the_rs256_example_of_the_standard_verifies() {
        let jwk = r#"{"kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        assert!(verifies(jwk, token));
        assert!(!verifies(jwk, &token.replace("eyJpc3", "eyJpc4")));
    }

    #[test]
    fn keys_that_are_not_for_these_signatures_are_left_out() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        for jwk in [
            r#"{"kty": "oct", "k": "c2VjcmV0"}"#.to_owned(),
            r#"{"kty": "RSA", "n": "ofgW", "e": "AQAB"}"#.to_owned(),
            format!(r#"{{"kty": "OKP", "crv": "X25519", "x": "{x}"}}"#),
            format!(r#"{{"kty": "OKP", "crv": "Ed25519", "x": "{x}", "use": "enc"}}"#),
            format!(r#"{{"kty": "OKP", "crv": "Ed25519", "x": "{x}", "key_ops": ["sign"]}}"#),
            format!(r#"{{"kty": "OKP", "crv": "Ed25519", "x": "{x}", "alg": "HS256"}}"#),
            format!(r#"{{"kty": "OKP", "crv": "Ed25519", "x": "{x}", "alg": "RS256"}}"#),
        ] {
            KeySet::read(format!(r#"{{"keys": [{jwk}]}}"#).as_bytes()).expect_err(&jwk);
        }
    }
}
