//! Whom a statement of a resource or trust policy is about.

use crate::question::PrincipalFacts;

/// A `Principal` or `NotPrincipal`.
#[derive(Clone, Debug)]
pub(crate) struct Principals {
    pub(crate) negated: bool,
    pub(crate) named: Box<[Named]>,
}

/// One principal as a policy names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// `*`.
    Everyone,
    /// An account id, or the ARN of an account's root: every principal of that account.
    Account(Box<str>),
    /// The ARN of a user, a role or a session.
    Arn(Box<str>),
    /// An identity provider.
    Provider(Box<str>),
    /// A service or a canonical user, which no caller here is.
    Other,
}

/// How closely a statement names a caller, from not at all to exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Naming {
    /// Not at all.
    Nobody,
    /// By its account: the account's own policies have to allow too.
    Account,
    /// As everyone, as not being someone else, or by its role.
    Broadly,
    /// By the identity provider that vouches for it.
    Provider,
    /// By its own ARN.
    Directly,
}

impl Named {
    /// Reads a member of `{"AWS": …}`.
    pub(crate) fn parse_aws(text: &str) -> Option<Self> {
        let is_account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        if text == "*" {
            return Some(Self::Everyone);
        }
        if is_account(text) {
            return Some(Self::Account(text.into()));
        }
        let mut parts = text.splitn(6, ':');
        let (arn, partition, service, region, account, name) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if arn != "arn" || partition.is_empty() || !region.is_empty() || !is_account(account) {
            return None;
        }
        if text.contains(['*', '?']) {
            return None;
        }
        let below = |kind: &str| name.strip_prefix(kind).is_some_and(|rest| !rest.is_empty());
        match service {
            "iam" if name == "root" => Some(Self::Account(account.into())),
            "iam" if below("user/") || below("role/") => Some(Self::Arn(text.into())),
            "sts" if below("assumed-role/") || below("federated-user/") => Some(Self::Arn(text.into())),
            _ => None,
        }
    }

    fn naming(&self, principal: &PrincipalFacts) -> Naming {
        match self {
            Self::Everyone => Naming::Broadly,
            Self::Account(account) if **account == *principal.account => Naming::Account,
            Self::Arn(arn) if **arn == *principal.arn => Naming::Directly,
            Self::Arn(arn) if principal.named_as.iter().any(|own| **own == **arn) => Naming::Broadly,
            Self::Provider(name) if principal.federated.iter().any(|own| **own == **name) => Naming::Provider,
            Self::Account(_) | Self::Arn(_) | Self::Provider(_) | Self::Other => Naming::Nobody,
        }
    }
}

impl Principals {
    /// How closely this names a caller.
    pub(crate) fn naming(&self, principal: &PrincipalFacts) -> Naming {
        let closest = self.named.iter().map(|named| named.naming(principal)).max().unwrap_or(Naming::Nobody);
        match (self.negated, closest) {
            (false, closest) => closest,
            (true, Naming::Nobody) => Naming::Broadly,
            (true, _) => Naming::Nobody,
        }
    }
}
