//! The rules for names, tags, ids and ARNs, and the quotas. They are those of AWS IAM but for
//! [`ATTACHED_POLICIES_MAX`].

use crate::encryption::random;
use crate::{IdentityError, Tags};

type Result<T, E = IdentityError> = std::result::Result<T, E>;

/// Users of an account.
pub const USERS_MAX: usize = 5_000;
/// Groups of an account.
pub const GROUPS_MAX: usize = 300;
/// Roles of an account.
pub const ROLES_MAX: usize = 1_000;
/// Managed policies of an account, those that come with Cairn not counted.
pub const POLICIES_MAX: usize = 1_500;
/// Managed policies attached to one user, group or role. AWS allows 10 (and up to 20 on request); a set of policies is
/// indexed by action here, so that many of them cost a call nothing.
pub const ATTACHED_POLICIES_MAX: usize = 100;
/// Inline policies of one user, group or role. AWS only limits their size altogether, which leaves about as many.
pub const INLINE_POLICIES_MAX: usize = 100;
/// Groups one user is in.
pub const GROUPS_PER_USER_MAX: usize = 10;
/// Access keys of one user.
pub const ACCESS_KEYS_PER_USER_MAX: usize = 2;
/// Tags of one user or role.
pub const TAGS_MAX: usize = 50;
/// The shortest session of a role, in seconds.
pub const SESSION_SECONDS_MIN: u32 = 900;
/// The longest session any role may allow, in seconds.
pub const SESSION_SECONDS_MAX: u32 = 43_200;
/// The longest session of a role unless it says otherwise, and of one begun by another session, in seconds.
pub const SESSION_SECONDS_DEFAULT: u32 = 3_600;

const USER_NAME_MAX: usize = 64;
const POLICY_NAME_MAX: usize = 128;
const DESCRIPTION_MAX: usize = 1_000;
const TAG_KEY_MAX: usize = 128;
const TAG_VALUE_MAX: usize = 256;
const SESSION_NAME_MIN: usize = 2;
pub(crate) const SESSION_NAME_MAX: usize = 64;
const EXTERNAL_ID_MAX: usize = 1_224;
const LISTING_MAX: usize = 1_000;
const LISTING_DEFAULT: usize = 100;
const ROOT_KEY_ID: std::ops::RangeInclusive<usize> = 16..=128;
const ROOT_SECRET: std::ops::RangeInclusive<usize> = 32..=128;

/// The built-in policies' account in ARNs.
const BUILT_IN_ACCOUNT: &str = "aws";

pub(crate) fn invalid<T>(field: &'static str, message: impl Into<String>) -> Result<T> {
    Err(IdentityError::InvalidInput { field, message: message.into() })
}

/// How a name is compared and stored under: names that differ in case only are the same.
pub(crate) fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

pub(crate) fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_+=,.@-".contains(character)
}

fn check_characters(field: &'static str, name: &str, lengths: std::ops::RangeInclusive<usize>) -> Result<()> {
    // All characters that may be in it take one byte, so bytes are characters.
    if lengths.contains(&name.len()) && name.chars().all(is_name_character) {
        return Ok(());
    }
    let (min, max) = lengths.into_inner();
    invalid(field, format!("it must be {min} to {max} characters of A-Z, a-z, 0-9 and _+=,.@-"))
}

/// Checks the name of a user or role.
pub(crate) fn check_user_name(field: &'static str, name: &str) -> Result<()> {
    check_characters(field, name, 1..=USER_NAME_MAX)
}

/// Checks the name of a group, a managed policy or an inline policy.
pub(crate) fn check_policy_name(field: &'static str, name: &str) -> Result<()> {
    check_characters(field, name, 1..=POLICY_NAME_MAX)
}

pub(crate) fn check_session_name(field: &'static str, name: &str) -> Result<()> {
    check_characters(field, name, SESSION_NAME_MIN..=SESSION_NAME_MAX)
}

pub(crate) fn check_external_id(id: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    if (2..=EXTERNAL_ID_MAX).contains(&id.len()) && id.chars().all(allowed) {
        return Ok(());
    }
    invalid("external_id", "it must be 2 to 1224 characters of A-Z, a-z, 0-9 and _+=,.@:/-")
}

pub(crate) fn check_description(description: &str) -> Result<()> {
    if description.chars().count() > DESCRIPTION_MAX || description.chars().any(is_control) {
        return invalid("description", "it must be at most 1000 characters without control characters");
    }
    Ok(())
}

fn is_control(character: char) -> bool {
    character.is_control() && !matches!(character, '\t' | '\n' | '\r')
}

pub(crate) fn check_session_seconds(field: &'static str, seconds: u32) -> Result<()> {
    if (SESSION_SECONDS_MIN..=SESSION_SECONDS_MAX).contains(&seconds) {
        return Ok(());
    }
    invalid(field, format!("it must be {SESSION_SECONDS_MIN} to {SESSION_SECONDS_MAX} seconds"))
}

pub(crate) fn check_tags(tags: &Tags) -> Result<()> {
    if tags.len() > TAGS_MAX {
        return Err(IdentityError::LimitExceeded { quota: "Tags", limit: TAGS_MAX });
    }
    let allowed = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
    let fits = |text: &str, min: usize, max: usize| {
        text.len() <= max * 4 && (min..=max).contains(&text.chars().count()) && text.chars().all(allowed)
    };
    for (key, value) in tags {
        if !fits(key, 1, TAG_KEY_MAX) || folded(key).starts_with("aws:") {
            let message =
                "a key must be 1 to 128 letters, digits, spaces and _.:/=+-@, and not begin with aws:";
            return invalid("tags", message);
        }
        if !fits(value, 0, TAG_VALUE_MAX) {
            return invalid("tags", "a value must be at most 256 letters, digits, spaces and _.:/=+-@");
        }
    }
    let mut keys: Vec<String> = tags.keys().map(|key| key.to_lowercase()).collect();
    keys.sort();
    keys.dedup();
    if keys.len() < tags.len() {
        return invalid("tags", "keys must differ by more than upper and lower case");
    }
    Ok(())
}

pub(crate) fn page_limit(limit: Option<usize>) -> Result<usize> {
    match limit {
        None => Ok(LISTING_DEFAULT),
        Some(limit @ 1..=LISTING_MAX) => Ok(limit),
        Some(_) => invalid("limit", format!("it must be 1 to {LISTING_MAX}")),
    }
}

pub(crate) fn check_account(account: &str) -> Result<()> {
    if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    invalid("account", "it must be twelve digits")
}

pub(crate) fn check_root_key(id: &str, secret: &str) -> Result<()> {
    let id_fits = ROOT_KEY_ID.contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !id.starts_with("ASIA")
        && !id.starts_with("eyJ");
    if !id_fits {
        let message =
            "it must be 16 to 128 characters of A-Z, a-z, 0-9 and _, and not begin with ASIA or eyJ";
        return invalid("root_access_key_id", message);
    }
    if !ROOT_SECRET.contains(&secret.len()) || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return invalid("root_secret_access_key", "it must be 32 to 128 visible ASCII characters");
    }
    let mut characters: Vec<u8> = secret.bytes().collect();
    characters.sort_unstable();
    characters.dedup();
    if characters.len() < 8 {
        return invalid("root_secret_access_key", "it must not repeat a handful of characters");
    }
    Ok(())
}

/// A kind of unique id.
#[derive(Clone, Copy)]
pub(crate) enum IdKind {
    User,
    Group,
    Role,
    Policy,
    AccessKey,
    SessionKey,
}

/// A new unique id: a prefix that says its kind, then random letters and digits.
pub(crate) fn new_id(kind: IdKind) -> Result<String> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (prefix, length) = match kind {
        IdKind::User => ("AIDA", 17),
        IdKind::Group => ("AGPA", 17),
        IdKind::Role => ("AROA", 17),
        IdKind::Policy => ("ANPA", 17),
        IdKind::AccessKey => ("AKIA", 16),
        IdKind::SessionKey => ("ASIA", 16),
    };
    let mut bytes = vec![0; length];
    random(&mut bytes)?;
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).copied().map_or('A', char::from);
    Ok(prefix.chars().chain(bytes.iter().map(letter)).collect())
}

/// A new secret access key: 30 random bytes, which make 40 characters.
pub(crate) fn new_secret() -> Result<crate::Secret> {
    use base64::Engine as _;
    let mut bytes = zeroize::Zeroizing::new([0; 30]);
    random(bytes.as_mut_slice())?;
    Ok(crate::Secret::new(base64::engine::general_purpose::STANDARD.encode(bytes.as_slice())))
}

/// The ARNs of one account.
#[derive(Clone, Debug)]
pub(crate) struct Arns {
    pub(crate) account: String,
}

impl Arns {
    fn iam(&self, kind: &str, name: &str) -> String {
        format!("arn:aws:iam::{}:{kind}/{name}", self.account)
    }

    pub(crate) fn root(&self) -> String {
        format!("arn:aws:iam::{}:root", self.account)
    }

    pub(crate) fn user(&self, name: &str) -> String {
        self.iam("user", name)
    }

    pub(crate) fn group(&self, name: &str) -> String {
        self.iam("group", name)
    }

    pub(crate) fn role(&self, name: &str) -> String {
        self.iam("role", name)
    }

    pub(crate) fn session(&self, role: &str, session: &str) -> String {
        format!("arn:aws:sts::{}:assumed-role/{role}/{session}", self.account)
    }

    pub(crate) fn policy(&self, policy: &PolicyRef) -> String {
        match policy.built_in() {
            Some(name) => format!("arn:aws:iam::{BUILT_IN_ACCOUNT}:policy/{name}"),
            None => self.iam("policy", &policy.0),
        }
    }

    /// The name in `arn`, if it is one of this kind (`user`, `role` …) in this account.
    pub(crate) fn name_in<'a>(&self, kind: &str, arn: &'a str) -> Option<&'a str> {
        let name = arn.strip_prefix("arn:aws:iam::")?.strip_prefix(self.account.as_str())?;
        let name = name.strip_prefix(':')?.strip_prefix(kind)?.strip_prefix('/')?;
        (!name.is_empty()).then_some(name)
    }

    /// The role and the session in the ARN of a session in this account.
    pub(crate) fn session_in<'a>(&self, arn: &'a str) -> Option<(&'a str, &'a str)> {
        let rest = arn.strip_prefix("arn:aws:sts::")?.strip_prefix(self.account.as_str())?;
        rest.strip_prefix(":assumed-role/")?.split_once('/')
    }

    /// The policy that `arn` names, whether or not there is one.
    pub(crate) fn policy_in(&self, arn: &str) -> Option<PolicyRef> {
        let built_in = Self { account: BUILT_IN_ACCOUNT.to_owned() };
        match built_in.name_in("policy", arn) {
            Some(name) => Some(PolicyRef::of_built_in(name)),
            None => self.name_in("policy", arn).map(PolicyRef::of_account),
        }
    }
}

/// A managed policy as records refer to it: its name, after `aws:` if it is built in. Names have no colon.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct PolicyRef(String);

impl PolicyRef {
    pub(crate) fn of_account(name: &str) -> Self {
        Self(name.to_owned())
    }

    pub(crate) fn of_built_in(name: &str) -> Self {
        Self(format!("{BUILT_IN_ACCOUNT}:{name}"))
    }

    pub(crate) fn built_in(&self) -> Option<&str> {
        self.0.strip_prefix(BUILT_IN_ACCOUNT)?.strip_prefix(':')
    }

    pub(crate) fn name(&self) -> &str {
        self.built_in().unwrap_or(&self.0)
    }
}
