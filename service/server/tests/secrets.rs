//! Nothing secret in what a server writes: its log, its errors, its settings as it prints them, its data folder. A real
//! `cairn serve` that logs all there is to log is called in every way, and what it wrote is searched.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;
#[path = "common/process.rs"]
mod process;
#[path = "common/secured.rs"]
mod secured;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use cairn_api::v1;
use cairn_api::v1::item_service_client::ItemServiceClient;
use cairn_api::v1::table_service_client::TableServiceClient;
use cairn_model::AttributeValue;
use common::{map, n, raw_value, s, table_request, values};
use process::{Serving, run};
use prost::Message;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use secured::{Key, ROOT_ID, Root, allow, headed, role, root, user, whoami, with};
use serde_json::{Value, json};
use std::path::Path;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

const ROOT_SECRET: &str = secured::ROOT_SECRET;
const ISSUER: &str = "https://issuer.example";
/// Parts of items: a number and texts that nothing else has.
const KEY_VALUE: &str = "the-partition-key-of-somebody";
const SORT_VALUE: &str = "31415926535897";
const VALUE: &str = "the-attribute-of-somebody";
const CHANGED_VALUE: &str = "the-attribute-that-it-became";
const NO_NUMBER: &str = "27182818284590x";

/// What a server must not write, by the name that it is told by.
#[derive(Default)]
struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    /// A text, however it may be written.
    fn text(&mut self, name: &str, text: &str) {
        self.bytes(name, text.as_bytes());
        self.0.push((name.into(), text.as_bytes().to_vec()));
        self.0.push((format!("{name}, in escapes"), text.escape_default().to_string().into_bytes()));
    }

    /// Bytes in hexadecimal digits, in base64 and as a list of numbers.
    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        let lower: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = format!("{bytes:?}");
        for (form, text) in [
            ("in hexadecimal", lower.to_uppercase()),
            ("in hexadecimal", lower),
            ("in base64", STANDARD_NO_PAD.encode(bytes)),
            ("in base64 for URLs", URL_SAFE_NO_PAD.encode(bytes)),
            ("as numbers", list.trim_matches(['[', ']']).to_owned()),
        ] {
            self.0.push((format!("{name}, {form}"), text.into_bytes()));
        }
    }

    /// Those of a bearer token that is no JWT: all of it but the id.
    fn bearer(&mut self, name: &str, bearer: &str) {
        for part in bearer.split('.').skip(1) {
            self.text(name, part);
        }
    }

    /// A JWT's signature, and so the whole of it.
    fn jwt(&mut self, name: &str, jwt: &str) {
        let (_, signature) = jwt.rsplit_once('.').unwrap();
        self.text(name, signature);
    }

    /// Fails if any of them is in what was written.
    #[track_caller]
    fn are_not_in(&self, place: &str, written: &[u8]) {
        if let Some((name, at)) = self.find(written) {
            let line = written[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            let begun: String = String::from_utf8_lossy(&written[line..at]).chars().take(300).collect();
            panic!("{name} is in {place}, after: {begun}");
        }
    }

    /// The first of them in what was written, and where. That is much, and is read once: by its every eight bytes, as
    /// no secret is shorter.
    fn find(&self, written: &[u8]) -> Option<(&str, usize)> {
        let eight = |bytes: &[u8]| u64::from_be_bytes(bytes[..8].try_into().unwrap());
        let slot = |eight: u64| (eight.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize;
        let mut begins = vec![false; 1 << 16];
        for (_, secret) in &self.0 {
            begins[slot(eight(secret))] = true;
        }
        let mut last = 0;
        for (end, byte) in written.iter().enumerate() {
            last = last << 8 | u64::from(*byte);
            if end < 7 || !begins[slot(last)] {
                continue;
            }
            let at = end - 7;
            if let Some((name, _)) = self.0.iter().find(|(_, secret)| written[at..].starts_with(secret)) {
                return Some((name, at));
            }
        }
        None
    }
}

/// A server's life as its callers see it.
struct Story {
    secrets: Secrets,
    /// What is no secret to those who may read it, and nothing for a log or an error.
    items: Secrets,
    /// Every error, with its details and metadata.
    errors: Vec<u8>,
    signer: Ed25519KeyPair,
}

impl Story {
    fn new() -> Self {
        let signer = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let signer = Ed25519KeyPair::from_pkcs8(signer.as_ref()).unwrap();
        let mut story =
            Self { secrets: Secrets::default(), items: Secrets::default(), errors: Vec::new(), signer };
        story.secrets.text("the root's secret", ROOT_SECRET);
        story.secrets.bytes("the key for secrets", &secrets_key());
        story.secrets.0.push(("the key for secrets, as it is".into(), secrets_key().into()));
        for (name, part) in [
            ("a partition key", KEY_VALUE),
            ("a sort key", SORT_VALUE),
            ("an attribute", VALUE),
            ("a changed attribute", CHANGED_VALUE),
            ("what should be a number", NO_NUMBER),
        ] {
            story.items.text(name, part);
        }
        story
    }

    /// Keeps the error that a call must have ended with.
    #[track_caller]
    fn refused<T>(&mut self, answer: Result<T, Status>, code: Code) {
        let Err(status) = answer else { panic!("it was not refused") };
        assert_eq!(status.code(), code, "{status:?}");
        self.errors.extend_from_slice(status.message().as_bytes());
        self.errors.push(b'\n');
        self.errors.extend_from_slice(status.details());
        self.errors.extend_from_slice(format!("\n{:?}\n", status.metadata()).as_bytes());
    }

    fn jwt(&self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "EdDSA", "kid": "one"})), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.signer.sign(signed.as_bytes()).as_ref());
        format!("{signed}.{signature}")
    }

    fn configuration(&self, folder: &Path) -> String {
        let keys = json!({"keys": [{
            "kty": "OKP", "kid": "one", "crv": "Ed25519",
            "x": URL_SAFE_NO_PAD.encode(self.signer.public_key().as_ref()),
        }]});
        let path = folder.join("jwks.json");
        std::fs::write(&path, keys.to_string()).unwrap();
        format!(
            r#"
            [[authentication.issuers]]
            issuer = "{ISSUER}"
            audiences = ["cairn"]
            jwks = {{ file = "{}" }}
            rules = [{{ claims = {{ sub = "orders" }}, role = "clerk" }}]
            "#,
            path.display()
        )
    }

    /// Users, keys, roles and sessions, and those who pretend to have them.
    async fn identities(&mut self, channel: &Channel) -> Key {
        let administrator = Root(channel.clone());
        let ada = administrator.user("ada").await;
        self.secrets.text("a user's secret", &ada.secret);
        let second = administrator.key("ada").await;
        self.secrets.text("a user's second secret", &second.secret);
        administrator.set_key("ada", &second, v1::AccessKeyStatus::Inactive).await;
        self.refused(whoami(channel, &second.bearer()).await, Code::Unauthenticated);
        let third = v1::CreateAccessKeyRequest { user_name: "ada".into() };
        let third = administrator.iam().create_access_key(with(&root(), third)).await;
        self.refused(third, Code::ResourceExhausted);
        administrator.delete_key("ada", &second).await;
        administrator.put_rights(user("ada"), allow("*")).await;

        let trust = json!({
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::000000000000:user/ada", "Federated": ISSUER},
            "Action": ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"],
        });
        administrator.role("clerk", trust).await;
        administrator.put_rights(role("clerk"), allow("dynamodb:GetItem")).await;
        let request = v1::AssumeRoleRequest {
            role_arn: "arn:aws:iam::000000000000:role/clerk".into(),
            role_session_name: "session".into(),
            ..Default::default()
        };
        let begun = administrator.iam().assume_role(with(&ada.bearer(), request)).await.unwrap();
        let begun = begun.into_inner().credentials.unwrap();
        let session = format!("{}.{}.{}", begun.access_key_id, begun.secret_access_key, begun.session_token);
        self.secrets.bearer("a session", &session);
        whoami(channel, &session).await.unwrap();
        let denied = TableServiceClient::new(channel.clone())
            .list_tables(with(&session, v1::ListTablesRequest::default()))
            .await;
        self.refused(denied, Code::PermissionDenied);
        let other = format!("{}.{}.{}", begun.access_key_id, begun.secret_access_key, ada.secret);
        self.refused(whoami(channel, &other).await, Code::Unauthenticated);

        self.impostors(channel, &ada).await;
        self.tokens(channel).await;

        // What is listed has no secret.
        let request = v1::ListAccessKeysRequest { user_name: "ada".into() };
        let listed = administrator.iam().list_access_keys(with(&root(), request)).await.unwrap().into_inner();
        assert_eq!(listed.access_keys.len(), 1);
        self.secrets.are_not_in("the list of keys", &listed.encode_to_vec());
        let request = v1::GetUserRequest { user_name: "ada".into() };
        let told = administrator.iam().get_user(with(&root(), request)).await.unwrap().into_inner();
        self.secrets.are_not_in("what is told of a user", &told.encode_to_vec());
        ada
    }

    /// Secrets that are sent where they do not belong, or that are almost right.
    async fn impostors(&mut self, channel: &Channel, ada: &Key) {
        let almost = format!("{}-and-something-more", ROOT_SECRET.to_uppercase());
        self.secrets.text("a wrong secret", &almost);
        for bearer in [
            format!("{ROOT_ID}.{almost}"),
            format!("AKIAUNKNOWNUNKNOWN00.{almost}"),
            almost.clone(),
            format!("eyJ{almost}"),
            format!("ASIAUNKNOWNUNKNOWN00.{almost}"),
            format!("ASIAUNKNOWNUNKNOWN00.{almost}.{almost}"),
            format!("{}.{}{}", ada.id, ada.secret, "x".repeat(9_000)),
        ] {
            self.refused(whoami(channel, &bearer).await, Code::Unauthenticated);
        }
        let basic = format!("Basic {}", STANDARD.encode(format!("{ROOT_ID}:{ROOT_SECRET}")));
        let plain = format!("{ROOT_ID}:{ROOT_SECRET}");
        let bearer = format!("Bearer {}", ada.bearer());
        for headers in [&[&*basic][..], &[&plain], &[&bearer, &bearer], &[&almost]] {
            let request = headed(headers, v1::GetCallerIdentityRequest {});
            self.refused(secured::asked(channel, request).await, Code::Unauthenticated);
        }
    }

    async fn tokens(&mut self, channel: &Channel) {
        let now = jiff::Timestamp::now().as_second();
        let claims = |subject: &str, end: i64| json!({"iss": ISSUER, "aud": "cairn", "sub": subject, "iat": now - 600, "exp": now + end});
        let good = self.jwt(&claims("orders", 600));
        self.secrets.jwt("a token", &good);
        whoami(channel, &good).await.unwrap();
        let expired = self.jwt(&claims("orders", -300));
        let unmapped = self.jwt(&claims("nobody", 600));
        let mut elsewhere = claims("orders", 600);
        elsewhere["iss"] = "https://elsewhere.example".into();
        let elsewhere = self.jwt(&elsewhere);
        let (claimed, signature) = expired.rsplit_once('.').unwrap();
        let tampered = format!("{claimed}.{}", signature.chars().rev().collect::<String>());
        for (name, jwt, code) in [
            ("an expired token", &expired, Code::Unauthenticated),
            ("an unmapped token", &unmapped, Code::PermissionDenied),
            ("another issuer's token", &elsewhere, Code::Unauthenticated),
            ("a tampered token", &tampered, Code::Unauthenticated),
        ] {
            self.secrets.jwt(name, jwt);
            self.refused(whoami(channel, jwt).await, code);
        }
    }

    /// Items written, read and refused.
    async fn items(&mut self, channel: &Channel, ada: &Key) {
        let token = ada.bearer();
        let mut tables = TableServiceClient::new(channel.clone());
        let mut items = ItemServiceClient::new(channel.clone());
        tables.create_table(with(&token, table_request("Orders"))).await.unwrap();
        let described = async |mut tables: TableServiceClient<Channel>| {
            let request = v1::DescribeTableRequest { table: "Orders".into() };
            let described = tables.describe_table(with(&token, request)).await.unwrap().into_inner();
            described.table.unwrap().table_status()
        };
        while described(tables.clone()).await != v1::TableStatus::Active {
            tokio::task::yield_now().await;
        }
        let key = [("pk", s(KEY_VALUE)), ("sk", n(SORT_VALUE))];
        let whole = [key.to_vec(), vec![("v", s(VALUE)), ("b", AttributeValue::B(VALUE.into()))]].concat();
        let put = |item: &[(&str, AttributeValue)], condition: Option<&str>| v1::PutItemRequest {
            table: "Orders".into(),
            item: Some(map(item).into()),
            condition_expression: condition.map(str::to_owned),
            ..Default::default()
        };
        items.put_item(with(&token, put(&whole, None))).await.unwrap();
        let bound = |value: AttributeValue| {
            Some(v1::ExpressionBindings { values: values(&[(":v", value)]), ..Default::default() })
        };
        let update =
            |expression: &str, condition: Option<&str>, value: AttributeValue| v1::UpdateItemRequest {
                table: "Orders".into(),
                key: values(&key),
                update_expression: Some(expression.into()),
                condition_expression: condition.map(str::to_owned),
                bindings: bound(value),
                ..Default::default()
            };
        items.update_item(with(&token, update("SET v = :v", None, s(CHANGED_VALUE)))).await.unwrap();
        let get = v1::GetItemRequest { table: "Orders".into(), key: values(&key), ..Default::default() };
        items.get_item(with(&token, get.clone())).await.unwrap();
        let query = |condition: &str, value: AttributeValue| v1::QueryRequest {
            table: "Orders".into(),
            key_condition_expression: condition.into(),
            bindings: bound(value),
            ..Default::default()
        };
        let found = items.query(with(&token, query("pk = :v", s(KEY_VALUE)))).await.unwrap().into_inner();
        assert_eq!(found.count, 1);
        let scan = v1::ScanRequest {
            table: "Orders".into(),
            filter_expression: Some("v = :v".into()),
            bindings: bound(s(CHANGED_VALUE)),
            ..Default::default()
        };
        assert_eq!(items.scan(with(&token, scan)).await.unwrap().into_inner().count, 1);

        // By whom it may not be.
        self.refused(items.get_item(with("AKIAUNKNOWNUNKNOWN00.x", get)).await, Code::Unauthenticated);
        // Of a state that it does not have.
        let existing = put(&whole, Some("attribute_not_exists(pk)"));
        self.refused(items.put_item(with(&token, existing)).await, Code::FailedPrecondition);
        let sum = update("SET v = v + :v", None, n(SORT_VALUE));
        self.refused(items.update_item(with(&token, sum)).await, Code::FailedPrecondition);
        let check = v1::TransactConditionCheck {
            table: "Orders".into(),
            key: values(&key),
            condition_expression: "v = :v".into(),
            bindings: bound(s(VALUE)),
            ..Default::default()
        };
        let check = v1::transact_write_item::Action::ConditionCheck(check);
        let transaction = v1::TransactWriteItemsRequest {
            transact_items: vec![v1::TransactWriteItem { action: Some(check) }],
            ..Default::default()
        };
        self.refused(items.transact_write_items(with(&token, transaction)).await, Code::FailedPrecondition);
        self.malformed(&mut items, &token, &whole).await;
        for request in [
            query("pk = :v AND pk = :v", s(KEY_VALUE)),
            query("pk = :v", n(SORT_VALUE)),
            query("v = :v", s(VALUE)),
            query("pk = :v AND", s(KEY_VALUE)),
        ] {
            self.refused(items.query(with(&token, request)).await, Code::InvalidArgument);
        }
        for request in [
            update("SET pk = :v", None, s(VALUE)),
            update("SET v = :v ADD", None, s(VALUE)),
            update("ADD v :v", None, s(VALUE)),
            update("SET v = :w", Some("v = :v"), s(VALUE)),
        ] {
            self.refused(items.update_item(with(&token, request)).await, Code::InvalidArgument);
        }
    }

    /// Items that are none, and messages that are none.
    async fn malformed(
        &mut self,
        items: &mut ItemServiceClient<Channel>,
        token: &str,
        whole: &[(&str, AttributeValue)],
    ) {
        let bytes = |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8], bytes].concat();
        let field = |number: u8, text: &str| bytes(number, text.as_bytes());
        let twice = [field(1, VALUE), field(1, VALUE)].concat();
        // What a caller sent and got wrong, some texts of DynamoDB tell it again: to that caller, and to no log.
        for (name, value, echo) in [
            ("v", field(2, NO_NUMBER), Some(NO_NUMBER)),
            ("v", bytes(8, &twice), Some(VALUE)),
            ("sk", field(2, NO_NUMBER), Some(NO_NUMBER)),
            ("v", bytes(1, &[b"\xff", VALUE.as_bytes()].concat()), None),
            ("pk", field(2, SORT_VALUE), None),
            ("pk", field(1, ""), None),
            ("sk", field(1, KEY_VALUE), None),
        ] {
            let mut key = values(whole);
            key.insert(name.to_owned(), raw_value(&value));
            let put = v1::PutItemRequest {
                table: "Orders".into(),
                item: Some(cairn_model::Item::from_values(&key)),
                ..Default::default()
            };
            let answer = items.put_item(with(token, put)).await;
            match echo {
                Some(echo) => assert!(answer.unwrap_err().message().contains(echo), "{name}"),
                None => self.refused(answer, Code::InvalidArgument),
            }
        }
        let twice = v1::WriteRequest { request: Some(v1::write_request::Request::Put(map(whole).into())) };
        let batch = v1::BatchWriteItemRequest {
            request_items: [(
                "Orders".to_owned(),
                v1::WriteRequestList { requests: vec![twice.clone(), twice] },
            )]
            .into(),
            ..Default::default()
        };
        self.refused(items.batch_write_item(with(token, batch)).await, Code::InvalidArgument);
    }

    /// Bytes that are no message, with a secret and part of an item in them.
    async fn no_message(&mut self, channel: &Channel, ada: &Key) {
        let mut client = Grpc::new(channel.clone());
        client.ready().await.unwrap();
        let bytes = [b"\xff".as_slice(), VALUE.as_bytes(), ada.secret.as_bytes()].concat();
        let codec = cairn_api::Codec::<Vec<u8>, ()>::default();
        let path = "/cairn.v1.ItemService/GetItem".parse().unwrap();
        let answer: Result<Response<()>, Status> =
            client.unary(with(&ada.bearer(), bytes), path, codec).await;
        self.refused(answer, Code::InvalidArgument);
        let mut request: Request<v1::GetCallerIdentityRequest> =
            with(&ada.bearer(), v1::GetCallerIdentityRequest {});
        request.metadata_mut().insert("grpc-timeout", ada.secret.parse().unwrap());
        self.refused(secured::asked(channel, request).await, Code::InvalidArgument);
        // A secret in the path, as of a link that was pasted together wrongly.
        let mut client = Grpc::new(channel.clone());
        client.ready().await.unwrap();
        let codec = cairn_api::Codec::<(), ()>::default();
        let path = format!("/cairn.v1.ItemService/{}", ada.secret).parse().unwrap();
        let answer: Result<Response<()>, Status> = client.unary(with(&ada.bearer(), ()), path, codec).await;
        self.refused(answer, Code::Unimplemented);
    }
}

/// 32 bytes, none of which a text would have by chance beside the next.
fn secrets_key() -> [u8; 32] {
    std::array::from_fn(|index| (index as u8).wrapping_mul(73).wrapping_add(129))
}

fn contains(written: &[u8], known: &str) -> bool {
    written.windows(known.len()).any(|window| window == known.as_bytes())
}

/// Everything in a folder.
fn bytes_under(path: &Path) -> Vec<u8> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { bytes_under(&path) } else { std::fs::read(path).unwrap() })
        .collect()
}

async fn tell(format: &str, key_in_environment: bool) {
    let mut story = Story::new();
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(text("cairn.toml"), story.configuration(folder.path())).unwrap();
    let key = STANDARD.encode(secrets_key());
    std::fs::write(text("key"), &key).unwrap();
    std::fs::write(text("root"), ROOT_SECRET).unwrap();
    let (data, configuration, key_file, root_file) =
        (text("data"), text("cairn.toml"), text("key"), text("root"));
    let arguments = ["--data", &data, "--config", &configuration, "--log", "trace", "--log-format", format];
    let variables = match key_in_environment {
        true => [("CAIRN_SECRETS_KEY", &*key), ("CAIRN_ROOT_SECRET_ACCESS_KEY", ROOT_SECRET)],
        false => [("CAIRN_SECRETS_KEY_FILE", &*key_file), ("CAIRN_ROOT_SECRET_ACCESS_KEY_FILE", &*root_file)],
    };
    let variables = [&variables[..], &[("CAIRN_ROOT_ACCESS_KEY_ID", ROOT_ID)]].concat();

    let server = Serving::start(&arguments, &variables);
    let channel = server.channel().await;
    let ada = story.identities(&channel).await;
    story.items(&channel, &ada).await;
    story.no_message(&channel, &ada).await;
    let first = server.stop();
    // Once more: what was written is read.
    let server = Serving::start(&arguments, &variables);
    let channel = server.channel().await;
    whoami(&channel, &ada.bearer()).await.unwrap();
    let second = server.stop();
    let config = run(&[&["config"], &arguments[..]].concat(), &variables);
    assert!(config.status.success());

    let everything = Secrets(story.secrets.0.iter().chain(&story.items.0).cloned().collect());
    for (place, written) in [
        ("the log", [first.stderr, second.stderr].concat()),
        ("standard output", [first.stdout, second.stdout].concat()),
        ("the errors", story.errors.clone()),
        ("the settings", [config.stdout.clone(), config.stderr].concat()),
    ] {
        everything.are_not_in(place, &written);
        // What is searched is what it is said to be.
        let known: &[&str] = match place {
            "the log" => &["arn:aws:iam::000000000000:user/ada", "TransactWriteItems", "h2::", "TRACE"],
            "the errors" => &["type.googleapis.com/google.rpc.ErrorInfo", "ConditionalCheckFailed"],
            "the settings" => &["root_access_key_id", "log = \"trace\""],
            _ => &[],
        };
        for known in known {
            assert!(contains(&written, known), "{known} is not in {place}");
        }
    }
    let redacted = String::from_utf8(config.stdout).unwrap().matches("[redacted]").count();
    assert_eq!(redacted, if key_in_environment { 2 } else { 0 });
    let data = bytes_under(Path::new(&data));
    // Items are there as they are; whoever reads the folder may read them.
    assert!(contains(&data, CHANGED_VALUE));
    story.secrets.are_not_in("the data folder", &data);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_written_when_the_log_is_for_people() {
    tell("text", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_written_when_the_log_is_for_machines() {
    tell("json", false).await;
}

#[test]
fn the_search_finds_a_secret_in_every_form() {
    let mut secrets = Secrets::default();
    secrets.text("a secret", "a \"secret\" of\nsome length");
    assert_eq!(secrets.0.len(), 7);
    for (name, secret) in &secrets.0 {
        let found = |written: &[u8]| secrets.find(written).map(|(name, at)| (name.to_owned(), at));
        assert_eq!(found(&[b"before ", &secret[..]].concat()).map(|found| found.1), Some(7), "{name}");
        assert_eq!(found(&[b"before ", &secret[..secret.len() - 1], b" after"].concat()), None, "{name}");
    }
}
