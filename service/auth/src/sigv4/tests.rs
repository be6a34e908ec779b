//! Signatures made by others: the vectors that AWS published with the algorithm, and requests signed by botocore.

use super::{BodyHash, Presented, SERVICE, SignatureError, SignedRequest, SigningKey};
use crate::{AuthenticationError, Secret};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One of AWS's vectors: all are of the same key, time, region and service.
struct Vector {
    name: &'static str,
    method: Method,
    path: &'static str,
    query: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    signature: &'static str,
}

const VANILLA: Vector = Vector {
    name: "get-vanilla",
    method: Method::GET,
    path: "/",
    query: "",
    headers: &[],
    body: "",
    signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
};

fn vectors() -> Vec<Vector> {
    let path = |name, path, signature| Vector { name, path, signature, ..VANILLA };
    let same = |name, path| Vector { name, path, ..VANILLA };
    let query = |name, query, signature| Vector { name, query, signature, ..VANILLA };
    let headers = |name, headers, signature| Vector { name, headers, signature, ..VANILLA };
    let post = |name, signature| Vector { name, method: Method::POST, signature, ..VANILLA };
    vec![
        VANILLA,
        same("get-relative", "/example/.."),
        same("get-relative-relative", "/example1/example2/../.."),
        same("get-slash", "//"),
        same("get-slash-dot-slash", "/./"),
        path(
            "get-slash-pointless-dot",
            "/./example",
            "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
        ),
        path(
            "get-slashes",
            "//example//",
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        path(
            "get-space",
            "/example space/",
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
        path("get-utf8", "/ሴ", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        path(
            "get-unreserved",
            "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        query(
            "get-vanilla-empty-query-key",
            "Param1=value1",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        query(
            "get-vanilla-query-order-key-case",
            "Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        query(
            "get-vanilla-query-unreserved",
            "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=\
             -._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        query(
            "get-vanilla-utf8-query",
            "ሴ=bar",
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        headers(
            "get-header-key-duplicate",
            &[("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")],
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        headers(
            "get-header-value-order",
            &[
                ("my-header1", "value4"),
                ("my-header1", "value1"),
                ("my-header1", "value3"),
                ("my-header1", "value2"),
            ],
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        ),
        headers(
            "get-header-value-trim",
            &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        post("post-vanilla", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        Vector {
            query: "Param1=value1",
            ..post("post-vanilla-query", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11")
        },
        Vector {
            headers: &[("my-header1", "value1")],
            ..post("post-header-key-sort", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c")
        },
        Vector {
            headers: &[("my-header1", "VALUE1")],
            ..post(
                "post-header-value-case",
                "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
            )
        },
        Vector {
            headers: &[("content-type", "application/x-www-form-urlencoded")],
            body: "Param1=value1",
            ..post(
                "post-x-www-form-urlencoded",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            )
        },
        Vector {
            headers: &[("content-type", "application/x-www-form-urlencoded; charset=utf8")],
            body: "Param1=value1",
            ..post(
                "post-x-www-form-urlencoded-parameters",
                "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
            )
        },
    ]
}

#[test]
fn the_signatures_that_aws_published_are_right() {
    let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    let key = SigningKey::derive(&secret, "20150830", "us-east-1", "service");
    for vector in vectors() {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("example.amazonaws.com"));
        headers.insert("x-amz-date", HeaderValue::from_static("20150830T123600Z"));
        for (name, value) in vector.headers {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={}, \
             Signature={}",
            names.join(";"),
            vector.signature
        );
        headers.insert("authorization", authorization.parse().unwrap());
        let request = SignedRequest {
            method: &vector.method,
            path: vector.path,
            query: vector.query,
            authority: None,
            headers: &headers,
            body: vector.body.as_bytes(),
        };
        let presented = Presented::read(&request).unwrap();
        assert_eq!(presented.access_key_id, "AKIDEXAMPLE");
        let verified = presented.verify(&request, &key, &BodyHash::of(request.body));
        assert!(verified.is_ok(), "{}: {verified:?}", vector.name);
        assert_eq!(presented.check_scope(None), Err(SignatureError::ScopeService));
    }
}

#[test]
fn the_string_to_sign_is_the_published_one() {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("example.amazonaws.com"));
    headers.insert("x-amz-date", HeaderValue::from_static("20150830T123600Z"));
    let authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                         SignedHeaders=host;x-amz-date, Signature=00";
    headers.insert("authorization", HeaderValue::from_static(authorization));
    let request = SignedRequest {
        method: &Method::GET,
        path: "/",
        query: "",
        authority: None,
        headers: &headers,
        body: b"",
    };
    let presented = Presented::read(&request).unwrap();
    assert_eq!(
        presented.string_to_sign(&request, &BodyHash::of(b"")).unwrap(),
        "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/service/aws4_request\n\
         bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63"
    );
}

/// A request that botocore signed (`tests/fixtures/botocore-signatures.py`).
#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: String,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    region: String,
    at: i64,
    expires: Option<i64>,
}

#[test]
fn requests_that_botocore_signed_are_right_and_with_another_secret_are_not() {
    let requests = include_str!("../../tests/fixtures/botocore-signatures.json");
    let requests: Vec<Request> = serde_json::from_str(requests).unwrap();
    assert_eq!(requests.len(), 60);
    assert_eq!(requests.iter().filter(|request| request.expires.is_some()).count(), 15);
    for (number, given) in requests.iter().enumerate() {
        let headers = given.headers.iter().map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        let headers: HeaderMap = headers.collect();
        let method: Method = given.method.parse().unwrap();
        let digits = |at: usize| u8::from_str_radix(&given.body[at..at + 2], 16).unwrap();
        let body: Vec<u8> = (0..given.body.len()).step_by(2).map(digits).collect();
        let request = SignedRequest {
            method: &method,
            path: &given.path,
            query: &given.query,
            authority: None,
            headers: &headers,
            body: &body,
        };
        assert!(request.is_signed());
        assert_eq!(request.is_presigned(), given.expires.is_some());
        let presented = Presented::read(&request).unwrap_or_else(|error| panic!("{number}: {error}"));
        assert_eq!(presented.access_key_id, given.access_key_id);
        assert_eq!(presented.session_token, given.session_token);
        presented.check_scope(Some(&given.region)).unwrap();
        assert!(matches!(presented.check_scope(Some("mars-1")), Err(SignatureError::ScopeRegion(_))));
        let good_for = given.expires.unwrap_or(300);
        let time = |seconds: i64| Timestamp::from_second(given.at + seconds).unwrap();
        presented.check_time(time(good_for)).unwrap();
        presented.check_time(time(-300)).unwrap();
        assert!(matches!(presented.check_time(time(good_for + 1)), Err(SignatureError::Expired { .. })));
        assert!(matches!(presented.check_time(time(-301)), Err(SignatureError::NotYetCurrent { .. })));
        let key = |secret: &str| {
            SigningKey::derive(&Secret::new(secret), &presented.date, &presented.region, SERVICE)
        };
        let verified = presented.verify(&request, &key(&given.secret_access_key), &BodyHash::of(&body));
        assert!(verified.is_ok(), "{number}: {verified:?}");
        let other = presented.verify(&request, &key("another secret"), &BodyHash::of(&body));
        assert!(matches!(other, Err(AuthenticationError::InvalidSignature)), "{number}: {other:?}");
    }
}
