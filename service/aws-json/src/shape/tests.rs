use super::*;
use crate::{backups, batches, items, legacy, policies, reads, tables, time_to_live, transactions};
use std::collections::BTreeSet;

/// Every structure, by its name in the model.
fn structures() -> BTreeMap<&'static str, Members> {
    BTreeMap::from([
        ("GetItem", items::GetItemInput::MEMBERS),
        ("PutItem", items::PutItemInput::MEMBERS),
        ("UpdateItem", items::UpdateItemInput::MEMBERS),
        ("DeleteItem", items::DeleteItemInput::MEMBERS),
        ("BatchGetItem", batches::BatchGetItemInput::MEMBERS),
        ("BatchWriteItem", batches::BatchWriteItemInput::MEMBERS),
        ("KeysAndAttributes", batches::KeysAndAttributesInput::MEMBERS),
        ("WriteRequest", batches::WriteRequestInput::MEMBERS),
        ("PutRequest", batches::PutRequestInput::MEMBERS),
        ("DeleteRequest", batches::DeleteRequestInput::MEMBERS),
        ("Query", reads::QueryInput::MEMBERS),
        ("Scan", reads::ScanInput::MEMBERS),
        ("TransactGetItems", transactions::TransactGetItemsInput::MEMBERS),
        ("TransactGetItem", transactions::TransactGetItemInput::MEMBERS),
        ("Get", transactions::GetInput::MEMBERS),
        ("TransactWriteItems", transactions::TransactWriteItemsInput::MEMBERS),
        ("TransactWriteItem", transactions::TransactWriteItemInput::MEMBERS),
        ("ConditionCheck", transactions::ConditionCheckInput::MEMBERS),
        ("Put", transactions::PutInput::MEMBERS),
        ("Delete", transactions::DeleteInput::MEMBERS),
        ("Update", transactions::UpdateInput::MEMBERS),
        ("CreateTable", tables::CreateTableInput::MEMBERS),
        ("UpdateTable", tables::UpdateTableInput::MEMBERS),
        ("DescribeTable", tables::DescribeTableInput::MEMBERS),
        ("DeleteTable", tables::DeleteTableInput::MEMBERS),
        ("ListTables", tables::ListTablesInput::MEMBERS),
        ("DescribeLimits", tables::DescribeLimitsInput::MEMBERS),
        ("PutResourcePolicy", policies::PutResourcePolicyInput::MEMBERS),
        ("GetResourcePolicy", policies::GetResourcePolicyInput::MEMBERS),
        ("DeleteResourcePolicy", policies::DeleteResourcePolicyInput::MEMBERS),
        ("UpdateTimeToLive", time_to_live::UpdateTimeToLiveInput::MEMBERS),
        ("TimeToLiveSpecification", time_to_live::SpecificationInput::MEMBERS),
        ("DescribeTimeToLive", time_to_live::DescribeTimeToLiveInput::MEMBERS),
        ("DescribeContinuousBackups", backups::DescribeContinuousBackupsInput::MEMBERS),
        ("ListBackups", backups::ListBackupsInput::MEMBERS),
        ("TagResource", tables::TagResourceInput::MEMBERS),
        ("UntagResource", tables::UntagResourceInput::MEMBERS),
        ("ListTagsOfResource", tables::ListTagsOfResourceInput::MEMBERS),
        ("AttributeDefinition", tables::AttributeDefinitionInput::MEMBERS),
        ("KeySchemaElement", tables::KeySchemaElementInput::MEMBERS),
        ("LocalSecondaryIndex", tables::LocalSecondaryIndexInput::MEMBERS),
        ("GlobalSecondaryIndex", tables::GlobalSecondaryIndexInput::MEMBERS),
        ("GlobalSecondaryIndexUpdate", tables::GlobalSecondaryIndexUpdateInput::MEMBERS),
        ("UpdateGlobalSecondaryIndexAction", tables::UpdateGlobalSecondaryIndexInput::MEMBERS),
        ("DeleteGlobalSecondaryIndexAction", tables::DeleteGlobalSecondaryIndexInput::MEMBERS),
        ("Projection", tables::ProjectionShape::MEMBERS),
        ("ProvisionedThroughput", tables::ProvisionedThroughputInput::MEMBERS),
        ("OnDemandThroughput", tables::OnDemandThroughputInput::MEMBERS),
        ("WarmThroughput", tables::WarmThroughputInput::MEMBERS),
        ("StreamSpecification", tables::StreamSpecificationInput::MEMBERS),
        ("SSESpecification", tables::EncryptionInputShape::MEMBERS),
        ("Tag", tables::TagInput::MEMBERS),
        ("ExpectedAttributeValue", legacy::ExpectedAttributeValue::MEMBERS),
        ("Condition", legacy::Condition::MEMBERS),
        ("AttributeValueUpdate", legacy::AttributeValueUpdate::MEMBERS),
    ])
}

/// A member as a line of the inventory, the names of an enumeration in alphabetical order.
fn line(name: &str, rule: &Rule) -> String {
    let mut line = name.to_owned();
    if rule.required {
        line.push('*');
    }
    let bounds = |what: &str, least: Option<String>, most: Option<String>| match (least, most) {
        (None, None) => String::new(),
        (least, most) => format!(" {what} {}..{}", least.unwrap_or_default(), most.unwrap_or_default()),
    };
    let (least, most) = rule.length;
    line += &bounds("length", least.map(|least| least.to_string()), most.map(|most| most.to_string()));
    let (least, most) = rule.range;
    line += &bounds("range", least.map(|least| least.to_string()), most.map(|most| most.to_string()));
    if rule.form == Some(Form::Name) {
        line += " name";
    }
    if !rule.one_of.is_empty() {
        line += &format!(" one of {}", sorted(rule.one_of.iter().copied()));
    }
    line
}

fn sorted<'n>(names: impl Iterator<Item = &'n str>) -> String {
    BTreeSet::from_iter(names).into_iter().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_members_of_requests_are_those_of_the_model() {
    let mut modelled: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut structure = "";
    for text in include_str!("inventory.txt").lines().filter(|text| !text.starts_with('#')) {
        match text.strip_prefix("  ") {
            Some(member) => {
                let member = match member.split_once(" one of ") {
                    Some((name, names)) => format!("{name} one of {}", sorted(names.split(' '))),
                    None => member.to_owned(),
                };
                modelled.entry(structure).or_default().insert(member);
            }
            None => {
                structure = text;
                if !text.is_empty() {
                    modelled.entry(structure).or_default();
                }
            }
        }
    }
    let served: BTreeMap<&str, BTreeSet<String>> = structures()
        .into_iter()
        .map(|(name, members)| (name, members.iter().map(|(name, rule)| line(name, rule)).collect()))
        .collect();
    assert_eq!(served.keys().collect::<Vec<_>>(), modelled.keys().collect::<Vec<_>>());
    for (name, members) in &modelled {
        assert_eq!(&served[name], members, "{name}");
    }
}

#[test]
fn a_member_is_placed_as_aws_places_it() {
    let outer = At::member(None, "KeySchema");
    let element = At { outer: Some(&outer), step: StepIn::Element(0) };
    assert_eq!(At::member(Some(&element), "KeyType").to_string(), "keySchema.1.member.keyType");
    let outer = At::member(None, "RequestItems");
    let entry = At { outer: Some(&outer), step: StepIn::Entry("Music") };
    assert_eq!(At::member(Some(&entry), "Keys").to_string(), "requestItems.Music.member.keys");
}
