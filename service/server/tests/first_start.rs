//! The first start of a server and those after it: the root's key, the key that secrets are kept under, and where it
//! may listen.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

#[path = "common/process.rs"]
mod process;
#[path = "common/secured.rs"]
mod secured;

use cairn_api::v1;
use process::{Serving, run};
use secured::{Root, told, whoami, with};
use std::path::{Path, PathBuf};
use tonic::Code;

const ROOT_ARN: &str = "arn:aws:iam::000000000000:root";

/// A folder with a place for data, and keys to keep secrets under.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (number, name) in ["one", "two"].into_iter().enumerate() {
            let key: String = (0..32).map(|byte| format!("{:02x}", byte * 3 + number)).collect();
            std::fs::write(folder.path(name), format!("{key}\n")).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// The arguments of a server that keeps secrets under `key`, and may still read what was kept under `old`.
    fn arguments(&self, key: &str, old: &[&str]) -> Vec<String> {
        let mut arguments =
            vec!["--data".into(), self.text("data"), "--secrets-key-file".into(), self.text(key)];
        if !old.is_empty() {
            let old: Vec<_> = old.iter().map(|name| self.text(name)).collect();
            arguments.extend(["--secrets-old-key-files".into(), old.join(",")]);
        }
        arguments
    }

    fn serve(&self, key: &str, old: &[&str], root: process::Variables<'_>) -> Serving {
        let arguments = self.arguments(key, old);
        Serving::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), root)
    }

    /// What a server says that does not start, all of it on standard error.
    fn refusal(&self, arguments: &[String], variables: process::Variables<'_>) -> String {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let variables = [&[("CAIRN_LISTEN", "127.0.0.1:0")], variables].concat();
        let output = run(&[&["serve"], &arguments[..]].concat(), &variables);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]), "{stderr}");
        stderr.lines().find(|line| line.starts_with("cairn: ")).unwrap_or_else(|| panic!("{stderr}")).into()
    }
}

/// The bearer token in what a first start shows.
fn shown_key(stdout: &[u8]) -> Option<String> {
    let stdout = std::str::from_utf8(stdout).unwrap();
    let value = |name: &str| {
        let line = stdout.lines().find_map(|line| line.trim().strip_prefix(&format!("export {name}=")));
        line.map(str::to_owned)
    };
    Some(format!("{}.{}", value("CAIRN_ACCESS_KEY_ID")?, value("CAIRN_SECRET_ACCESS_KEY")?))
}

fn root<'a>(id: &'a str, secret: &'a str) -> [(&'a str, &'a str); 2] {
    [("CAIRN_ROOT_ACCESS_KEY_ID", id), ("CAIRN_ROOT_SECRET_ACCESS_KEY", secret)]
}

fn files_under(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_key_is_made_at_the_first_start_and_shown_then_and_never_again() {
    let folder = Folder::new();
    let first = folder.serve("one", &[], &[]);
    let channel = first.channel().await;
    let nobody = whoami(&channel, "AKIAROOTROOTROOTROOT.guessed").await.unwrap_err();
    assert_eq!(nobody.code(), Code::Unauthenticated);
    let said = first.stop();
    let bearer = shown_key(&said.stdout).unwrap();
    let (id, secret) = bearer.split_once('.').unwrap();
    assert!(id.starts_with("AKIA") && secret.len() >= 40, "an id and a secret of some length");
    let stdout = String::from_utf8(said.stdout).unwrap();
    assert!(stdout.contains("It is shown now and never again"), "{stdout}");
    assert_eq!(stdout.matches(secret).count(), 1);
    assert!(!String::from_utf8_lossy(&said.stderr).contains(secret), "the log has it as well");

    let second = folder.serve("one", &[], &[]);
    assert_eq!(whoami(&second.channel().await, &bearer).await.unwrap(), ROOT_ARN);
    let said = second.stop();
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "");
    assert!(!String::from_utf8_lossy(&said.stderr).contains(secret), "the log has it");
    for file in files_under(&folder.path("data")) {
        let bytes = std::fs::read(&file).unwrap();
        let kept = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!kept, "{} has it", file.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_key_from_the_settings_takes_the_place_of_the_one_before() {
    let folder = Folder::new();
    let generated = folder.serve("one", &[], &[]).stop();
    let generated = shown_key(&generated.stdout).unwrap();
    let (first, second) =
        ("a-first-secret-of-some-length-00000000", "a-second-secret-of-some-length-0000000");
    let mut before = vec![generated];
    for (id, secret) in
        [("AKIAROOTROOTROOTAAAA", first), ("AKIAROOTROOTROOTAAAA", second), ("AKIAROOTROOTROOTBBBB", first)]
    {
        let server = folder.serve("one", &[], &root(id, secret));
        let channel = server.channel().await;
        assert_eq!(whoami(&channel, &format!("{id}.{secret}")).await.unwrap(), ROOT_ARN);
        for old in &before {
            assert_eq!(whoami(&channel, old).await.unwrap_err().code(), Code::Unauthenticated);
        }
        before.push(format!("{id}.{secret}"));
        assert_eq!(server.stop().stdout, b"");
    }
    // Without settings, the last one stays, and none is made.
    let server = folder.serve("one", &[], &[]);
    whoami(&server.channel().await, before.last().unwrap()).await.unwrap();
    assert_eq!(server.stop().stdout, b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_stay_readable_while_their_key_is_replaced() {
    let folder = Folder::new();
    let server = folder.serve("one", &[], &root(secured::ROOT_ID, secured::ROOT_SECRET));
    let channel = server.channel().await;
    let administrator = Root(channel.clone());
    let ada = administrator.user("ada").await;
    let trust = serde_json::json!({
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:user/ada"},
        "Action": "sts:AssumeRole",
    });
    administrator.role("clerk", trust).await;
    administrator.put_rights(secured::user("ada"), secured::allow("sts:AssumeRole")).await;
    let request = v1::AssumeRoleRequest {
        role_arn: "arn:aws:iam::000000000000:role/clerk".into(),
        role_session_name: "session".into(),
        ..Default::default()
    };
    let begun = administrator.iam().assume_role(with(&ada.bearer(), request)).await.unwrap();
    let begun = begun.into_inner().credentials.unwrap();
    let session = format!("{}.{}.{}", begun.access_key_id, begun.secret_access_key, begun.session_token);
    server.stop();

    let wrong = folder.refusal(&folder.arguments("two", &[]), &[]);
    assert!(wrong.contains("configure the key the store was created with"), "{wrong}");

    // The new key in front, and the old one still there.
    let server = folder.serve("two", &["one"], &[]);
    let channel = server.channel().await;
    whoami(&channel, &ada.bearer()).await.unwrap();
    whoami(&channel, &session).await.unwrap();
    server.stop();

    // The new one alone: what is stored was encrypted anew; sessions from before are over.
    let server = folder.serve("two", &[], &[]);
    let channel = server.channel().await;
    whoami(&channel, &ada.bearer()).await.unwrap();
    whoami(&channel, &secured::root()).await.unwrap();
    let over = whoami(&channel, &session).await.unwrap_err();
    assert_eq!(told(&over), (Code::Unauthenticated, "UNRECOGNIZED_CLIENT".to_owned()));
    server.stop();
    let old = folder.refusal(&folder.arguments("one", &[]), &[]);
    assert!(old.contains("which is not among the configured encryption keys"), "{old}");
}

#[test]
fn a_server_that_is_set_up_wrongly_says_how_and_does_not_start() {
    let folder = Folder::new();
    let arguments = |more: &[&str]| {
        let more = more.iter().map(|argument| (*argument).to_owned());
        folder.arguments("one", &[]).into_iter().chain(more).collect::<Vec<_>>()
    };
    let beyond = folder.refusal(&arguments(&["--listen", "0.0.0.0:0"]), &[]);
    assert_eq!(
        beyond,
        "cairn: 0.0.0.0:0 is reachable from other machines: credentials must not pass in the clear: give \
         --tls-certificate-file and --tls-key-file, or --allow-plaintext if something in front of the server has TLS"
    );
    let for_development = folder.refusal(&arguments(&["--listen", "[::]:0", "--dev"]), &[]);
    assert!(for_development.contains("listens on loopback only"), "{for_development}");
    let half = folder.refusal(&arguments(&["--root-access-key-id", "AKIAROOTROOTROOTROOT"]), &[]);
    assert!(half.contains("root_access_key_id must be given together with"), "{half}");
    let keyless = folder.refusal(&["--data".into(), folder.text("data")], &[]);
    assert!(keyless.contains("secrets_key_file must be given, or CAIRN_SECRETS_KEY"), "{keyless}");

    let secret = "neither-base64-nor-hexadecimal";
    let variables = [("CAIRN_SECRETS_KEY", secret)];
    let malformed = folder.refusal(&["--data".into(), folder.text("data")], &variables);
    assert!(malformed.contains("32 random bytes"), "{malformed}");
    assert!(!malformed.contains(secret), "{malformed}");
    std::fs::write(folder.path("one"), "0".repeat(64)).unwrap();
    let zero = folder.refusal(&arguments(&[]), &[]);
    assert!(zero.contains("is not random"), "{zero}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_for_development_makes_no_root_key_and_leaves_that_to_the_first_start_of_another() {
    let folder = Folder::new();
    let data = folder.text("data");
    let said =
        Serving::start(&["--data", &data, "--dev", "--secrets-key-file", &folder.text("one")], &[]).stop();
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "");
    let server = folder.serve("one", &[], &[]);
    let channel = server.channel().await;
    let bearer = shown_key(&server.stop().stdout).unwrap();
    drop(channel);
    let server = folder.serve("one", &[], &[]);
    assert_eq!(whoami(&server.channel().await, &bearer).await.unwrap(), ROOT_ARN);
    server.stop();
}

#[test]
fn a_folder_that_others_use_is_not_taken_for_the_data() {
    let folder = Folder::new();
    let arguments = ["--data".to_owned(), folder.text(""), "--dev".to_owned()];
    let refusal = folder.refusal(&arguments, &[]);
    assert!(
        refusal.contains("holds other files, such as ") && refusal.contains("an empty folder"),
        "{refusal}"
    );
    let left: Vec<_> =
        files_under(&folder.path("")).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_start_says_which_limits_of_throughput_calls_are_held_to() {
    let folder = Folder::new();
    for (given, said) in [
        (&[][..], "provisioned"),
        (&["--capacity-limits", "off"][..], "off"),
        (&["--capacity-limits", "false"], "off"),
        (&["--capacity-limits", "aws"], "aws"),
        (&["--capacity-limits", "true"], "aws"),
        (&["--capacity-limits"], "aws"),
    ] {
        let data = folder.text("data");
        let log = Serving::start(&[&["--data", &data, "--dev"], given].concat(), &[]).stop().stderr;
        let log = String::from_utf8(log).unwrap();
        assert!(log.contains(&format!("capacity_limits={said}")), "{given:?}: {log}");
    }
    let arguments = ["--data", &folder.text("data"), "--dev", "--capacity-limits", "all"];
    let refused = run(&[&["serve"], &arguments[..]].concat(), &[]);
    let refused = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.contains("provisioned, aws, off"), "{refused}");
}

#[test]
fn the_settings_in_force_are_printed_whatever_is_missing() {
    let printed = run(&["config"], &[]);
    assert!(printed.status.success());
    let settings: toml::Table = toml::from_str(std::str::from_utf8(&printed.stdout).unwrap()).unwrap();
    assert_eq!(settings["listen"].as_str(), Some("127.0.0.1:8000"));
    assert_eq!(settings["capacity_limits"].as_str(), Some("provisioned"));
    let said = String::from_utf8(printed.stderr).unwrap();
    assert!(said.contains("`cairn serve` does not start with these settings: no data folder"), "{said}");
    let whole = run(&["config", "--data", "data", "--dev", "--listen", "8342"], &[]);
    assert_eq!(String::from_utf8(whole.stderr).unwrap(), "");
    let settings: toml::Table = toml::from_str(std::str::from_utf8(&whole.stdout).unwrap()).unwrap();
    assert_eq!(settings["listen"].as_str(), Some("127.0.0.1:8342"));
}
