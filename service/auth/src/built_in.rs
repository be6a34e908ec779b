//! The managed policies that come with Cairn.

use cairn_policy::{Policy, PolicyError, PolicyKind};

/// A policy that comes with Cairn.
pub(crate) struct BuiltIn {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) document: &'static str,
}

/// All of them, by name.
pub(crate) const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: "CairnAdministrator",
        description: "Everything: tables, items, identities and settings.",
        document: r#"{
  "Version": "2012-10-17",
  "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
}"#,
    },
    BuiltIn {
        name: "CairnReadOnly",
        description: "Reading items and streams, and describing tables, but changing nothing.",
        document: r#"{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Action": [
      "dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:Describe*", "dynamodb:Get*",
      "dynamodb:List*", "dynamodb:PartiQLSelect", "dynamodb:Query", "dynamodb:Scan", "dynamodb:SearchVectors"
    ],
    "Resource": "*"
  }]
}"#,
    },
    BuiltIn {
        name: "CairnReadWrite",
        description: "Reading and writing items, but no changes to tables or their settings.",
        document: r#"{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Action": [
      "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem",
      "dynamodb:Describe*", "dynamodb:Get*", "dynamodb:List*", "dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert",
      "dynamodb:PartiQLSelect", "dynamodb:PartiQLUpdate", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan",
      "dynamodb:SearchVectors", "dynamodb:UpdateItem"
    ],
    "Resource": "*"
  }]
}"#,
    },
];

impl BuiltIn {
    pub(crate) fn policy(&self) -> Result<Policy, PolicyError> {
        Policy::parse(self.document, PolicyKind::Managed)
    }
}
