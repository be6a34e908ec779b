//! The identities of one store.

use crate::*;
use cairn_policy::{Context, Policy, PolicySet};
use cairn_storage::Engine;
use std::sync::Arc;

/// What the operator chooses about identities.
#[derive(Clone)]
pub struct IdentityOptions {
    /// The account in ARNs: twelve digits.
    pub account: String,
    /// What secrets are encrypted with.
    pub keys: EncryptionKeys,
    /// The root access key. Without one, the key of an earlier start stays, and a first start generates one.
    pub root: Option<RootKey>,
    /// Where the time comes from.
    pub clock: Clock,
}

/// A root access key as the operator supplies it.
#[derive(Clone, Debug)]
pub struct RootKey {
    /// Its id: 16 to 128 characters of `[A-Za-z0-9_]`, not beginning with `ASIA` or `eyJ`.
    pub access_key_id: String,
    /// Its secret: 32 to 128 visible ASCII characters.
    pub secret_access_key: Secret,
}

/// The root access key that a first start generated: to be shown to the operator, now or never.
#[derive(Clone, Debug)]
pub struct GeneratedRootKey {
    /// Its id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: Secret,
}

/// The identities of one store. Cloning gives another handle to the same ones.
pub struct Identities<E: Engine> {
    engine: Arc<E>,
}

impl<E: Engine> Clone for Identities<E> {
    fn clone(&self) -> Self {
        Self { engine: self.engine.clone() }
    }
}

type Result<T, E = IdentityError> = std::result::Result<T, E>;

impl<E: Engine> Identities<E> {
    /// …
    pub async fn open(engine: E, options: IdentityOptions) -> Result<(Self, Option<GeneratedRootKey>)> {
        let _ = (engine, options);
        todo!()
    }
    /// …
    pub fn account(&self) -> &str {
        let _ = ();
        todo!()
    }
    /// …
    pub fn revision(&self) -> u64 {
        let _ = ();
        todo!()
    }
    /// …
    pub async fn refresh(&self) -> Result<()> {
        let _ = ();
        todo!()
    }
    /// …
    pub async fn flush_last_used(&self) -> Result<()> {
        let _ = ();
        todo!()
    }
    /// …
    pub fn policies(&self, principal: &Principal) -> Result<Arc<PolicySet>, AuthenticationError> {
        let _ = (principal);
        todo!()
    }
    /// …
    pub fn renew(&self, principal: &Principal) -> Result<Principal, AuthenticationError> {
        let _ = (principal);
        todo!()
    }
    /// …
    pub fn principal_for(&self, arn: &str) -> Result<Principal> {
        let _ = (arn);
        todo!()
    }
    /// …
    pub async fn create_user(&self, request: CreateUser) -> Result<User> {
        let _ = (request);
        todo!()
    }
    /// …
    pub fn get_user(&self, name: &str) -> Result<User> {
        let _ = (name);
        todo!()
    }
    /// …
    pub fn list_users(&self, page: &Page) -> Result<Listing<User>> {
        let _ = (page);
        todo!()
    }
    /// …
    pub async fn delete_user(&self, name: &str) -> Result<()> {
        let _ = (name);
        todo!()
    }
    /// …
    pub async fn create_group(&self, name: &str) -> Result<Group> {
        let _ = (name);
        todo!()
    }
    /// …
    pub fn get_group(&self, name: &str) -> Result<Group> {
        let _ = (name);
        todo!()
    }
    /// …
    pub fn list_groups(&self, page: &Page) -> Result<Listing<Group>> {
        let _ = (page);
        todo!()
    }
    /// …
    pub fn list_group_members(&self, name: &str, page: &Page) -> Result<Listing<User>> {
        let _ = (name, page);
        todo!()
    }
    /// …
    pub fn list_groups_of_user(&self, user: &str) -> Result<Vec<Group>> {
        let _ = (user);
        todo!()
    }
    /// …
    pub async fn delete_group(&self, name: &str) -> Result<()> {
        let _ = (name);
        todo!()
    }
    /// …
    pub async fn add_user_to_group(&self, user: &str, group: &str) -> Result<()> {
        let _ = (user, group);
        todo!()
    }
    /// …
    pub async fn remove_user_from_group(&self, user: &str, group: &str) -> Result<()> {
        let _ = (user, group);
        todo!()
    }
    /// …
    pub async fn create_role(&self, request: CreateRole) -> Result<Role> {
        let _ = (request);
        todo!()
    }
    /// …
    pub fn get_role(&self, name: &str) -> Result<Role> {
        let _ = (name);
        todo!()
    }
    /// …
    pub fn list_roles(&self, page: &Page) -> Result<Listing<Role>> {
        let _ = (page);
        todo!()
    }
    /// …
    pub async fn update_role(&self, name: &str, request: UpdateRole) -> Result<Role> {
        let _ = (name, request);
        todo!()
    }
    /// …
    pub async fn update_trust_policy(&self, name: &str, document: &str) -> Result<()> {
        let _ = (name, document);
        todo!()
    }
    /// …
    pub async fn delete_role(&self, name: &str) -> Result<()> {
        let _ = (name);
        todo!()
    }
    /// …
    pub async fn create_access_key(&self, user: &str) -> Result<NewAccessKey> {
        let _ = (user);
        todo!()
    }
    /// …
    pub fn get_access_key(&self, id: &str) -> Result<AccessKey> {
        let _ = (id);
        todo!()
    }
    /// …
    pub fn list_access_keys(&self, user: &str) -> Result<Vec<AccessKey>> {
        let _ = (user);
        todo!()
    }
    /// …
    pub async fn update_access_key(&self, user: &str, id: &str, status: KeyStatus) -> Result<()> {
        let _ = (user, id, status);
        todo!()
    }
    /// …
    pub async fn delete_access_key(&self, user: &str, id: &str) -> Result<()> {
        let _ = (user, id);
        todo!()
    }
    /// …
    pub async fn create_policy(&self, request: CreatePolicy) -> Result<ManagedPolicy> {
        let _ = (request);
        todo!()
    }
    /// …
    pub fn get_policy(&self, arn: &str) -> Result<ManagedPolicy> {
        let _ = (arn);
        todo!()
    }
    /// …
    pub fn list_policies(&self, scope: PolicyScope, page: &Page) -> Result<Listing<ManagedPolicy>> {
        let _ = (scope, page);
        todo!()
    }
    /// …
    pub fn list_entities_for_policy(&self, arn: &str) -> Result<PolicyEntities> {
        let _ = (arn);
        todo!()
    }
    /// …
    pub async fn update_policy(
        &self,
        arn: &str,
        document: &str,
        expected_revision: Option<u64>,
    ) -> Result<ManagedPolicy> {
        let _ = (arn, document, expected_revision);
        todo!()
    }
    /// …
    pub async fn delete_policy(&self, arn: &str) -> Result<()> {
        let _ = (arn);
        todo!()
    }
    /// …
    pub async fn attach_policy(&self, holder: &Holder, arn: &str) -> Result<()> {
        let _ = (holder, arn);
        todo!()
    }
    /// …
    pub async fn detach_policy(&self, holder: &Holder, arn: &str) -> Result<()> {
        let _ = (holder, arn);
        todo!()
    }
    /// …
    pub fn list_attached_policies(&self, holder: &Holder) -> Result<Vec<AttachedPolicy>> {
        let _ = (holder);
        todo!()
    }
    /// …
    pub async fn put_inline_policy(&self, holder: &Holder, name: &str, document: &str) -> Result<()> {
        let _ = (holder, name, document);
        todo!()
    }
    /// …
    pub fn get_inline_policy(&self, holder: &Holder, name: &str) -> Result<String> {
        let _ = (holder, name);
        todo!()
    }
    /// …
    pub fn list_inline_policies(&self, holder: &Holder) -> Result<Vec<String>> {
        let _ = (holder);
        todo!()
    }
    /// …
    pub async fn delete_inline_policy(&self, holder: &Holder, name: &str) -> Result<()> {
        let _ = (holder, name);
        todo!()
    }
    /// …
    pub async fn put_permissions_boundary(&self, holder: &Holder, arn: &str) -> Result<()> {
        let _ = (holder, arn);
        todo!()
    }
    /// …
    pub async fn delete_permissions_boundary(&self, holder: &Holder) -> Result<()> {
        let _ = (holder);
        todo!()
    }
    /// …
    pub fn list_tags(&self, holder: &Holder) -> Result<Tags> {
        let _ = (holder);
        todo!()
    }
    /// …
    pub async fn tag(&self, holder: &Holder, tags: Tags) -> Result<()> {
        let _ = (holder, tags);
        todo!()
    }
    /// …
    pub async fn untag(&self, holder: &Holder, keys: &[String]) -> Result<()> {
        let _ = (holder, keys);
        todo!()
    }
    /// …
    pub fn assume_role(
        &self,
        caller: &Principal,
        request: AssumeRole,
        context: &dyn Context,
    ) -> Result<AssumedRole> {
        let _ = (caller, request, context);
        todo!()
    }
    /// …
    pub fn get_caller_identity(&self, principal: &Principal) -> CallerIdentity {
        let _ = (principal);
        todo!()
    }
    /// …
    pub fn trust_policy(&self, role_arn: &str) -> Option<Policy> {
        let _ = (role_arn);
        todo!()
    }
}
