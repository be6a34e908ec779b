//! What a table goes through, and its items with it.

use crate::support::{
    Item, PATIENCE, at, attribute, client, create_table, hasty, item, key, n, s, table, until,
    wait_until_exists, world, write_all,
};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, BillingMode, CreateGlobalSecondaryIndexAction, DeleteGlobalSecondaryIndexAction,
    GlobalSecondaryIndex, GlobalSecondaryIndexUpdate, IndexStatus, KeyType, KeysAndAttributes,
    LocalSecondaryIndex, Projection, ProjectionType, ProvisionedThroughput, ReturnValue, ScalarAttributeType,
    TableStatus, Tag, TimeToLiveSpecification, TimeToLiveStatus,
};
use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

fn all_attributes() -> Projection {
    Projection::builder().projection_type(ProjectionType::All).build()
}

/// A request for a table `Course` with an index of each kind.
fn table_with_indexes(client: &Client) -> CreateTableFluentBuilder {
    let by_v = LocalSecondaryIndex::builder().index_name("by-v").projection(all_attributes());
    let by_v = by_v.key_schema(key("pk", KeyType::Hash)).key_schema(key("v", KeyType::Range));
    let by_owner = GlobalSecondaryIndex::builder().index_name("by-owner").projection(all_attributes());
    let by_owner = by_owner.key_schema(key("owner", KeyType::Hash)).key_schema(key("v", KeyType::Range));
    table(client, "Course")
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("v", ScalarAttributeType::N))
        .attribute_definitions(attribute("owner", ScalarAttributeType::S))
        .local_secondary_indexes(by_v.build().unwrap())
        .global_secondary_indexes(by_owner.build().unwrap())
}

/// Sort keys, in the order of the items.
fn sort_keys(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| item["sk"].as_s().unwrap().as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_made_described_and_deleted_and_waiters_see_it() {
    let world = world().await;
    let client = client(&world);
    let created = table_with_indexes(&client).send().await.unwrap();
    assert_eq!(created.table_description.unwrap().table_status, Some(TableStatus::Creating));
    wait_until_exists(&client, "Course").await;

    let described = client.describe_table().table_name("Course").send().await.unwrap().table.unwrap();
    assert_eq!(described.table_status, Some(TableStatus::Active));
    assert_eq!(described.table_arn(), Some("arn:aws:dynamodb:local:000000000000:table/Course"));
    let created_at = described.creation_date_time.unwrap().secs();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    assert!((now - 60..=now).contains(&created_at), "{created_at}");
    assert_eq!(described.key_schema(), [key("pk", KeyType::Hash), key("sk", KeyType::Range)]);
    let local: Vec<_> = described.local_secondary_indexes().iter().map(|index| index.index_name()).collect();
    assert_eq!(local, [Some("by-v")]);
    let [global] = described.global_secondary_indexes() else { panic!("{described:?}") };
    assert_eq!(global.index_status, Some(IndexStatus::Active));

    client.delete_table().table_name("Course").send().await.unwrap();
    hasty(&client).wait_until_table_not_exists().table_name("Course").wait(PATIENCE).await.unwrap();
    let listed = client.list_tables().send().await.unwrap();
    assert_eq!(listed.table_names(), [""; 0]);
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_every_type_come_back_as_they_were() {
    let world = world().await;
    let client = client(&world);
    create_table(&client, "Course").await;
    let blob = |bytes: &[u8]| Blob::new(bytes);
    let nested = AttributeValue::M(HashMap::from([
        ("list".to_owned(), AttributeValue::L(vec![s("in"), n(-1), AttributeValue::L(vec![])])),
        ("map".to_owned(), AttributeValue::M(HashMap::new())),
        ("null".to_owned(), AttributeValue::Null(true)),
    ]));
    let attributes = [
        ("string", s("å \u{0} \u{10ffff} \"\\")),
        ("string-empty", s("")),
        ("number", n("12345678901234567890123456789012345678")),
        ("number-negative", n("-0.0000000000000000000000000000000000001")),
        ("binary", AttributeValue::B(blob(&[0, 255, 10]))),
        ("binary-empty", AttributeValue::B(blob(&[]))),
        ("bool", AttributeValue::Bool(false)),
        ("null", AttributeValue::Null(true)),
        ("nested", nested),
    ];
    let sets = [
        ("strings", AttributeValue::Ss(vec!["a".to_owned(), "b".to_owned()])),
        ("numbers", AttributeValue::Ns(vec!["-1".to_owned(), "2.5".to_owned()])),
        ("binaries", AttributeValue::Bs(vec![blob(&[1]), blob(&[2, 3])])),
    ];
    let mut whole = item("a", "1", attributes);
    whole.extend(sets.map(|(name, value)| (name.to_owned(), value)));
    client.put_item().table_name("Course").set_item(Some(whole.clone())).send().await.unwrap();

    let get = client.get_item().table_name("Course").set_key(Some(at("a", "1"))).consistent_read(true);
    let mut found = get.send().await.unwrap().item.unwrap();
    // A set has no order.
    for value in found.values_mut() {
        match value {
            AttributeValue::Ss(strings) => strings.sort(),
            AttributeValue::Ns(numbers) => numbers.sort(),
            AttributeValue::Bs(binaries) => binaries.sort_by(|one, other| one.as_ref().cmp(other.as_ref())),
            _ => {}
        }
    }
    assert_eq!(found, whole);
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_written_changed_and_deleted() {
    let world = world().await;
    let client = client(&world);
    create_table(&client, "Course").await;
    let first = item("a", "1", [("v", n(1))]);
    client.put_item().table_name("Course").set_item(Some(first.clone())).send().await.unwrap();

    let update = client.update_item().table_name("Course").set_key(Some(at("a", "1")));
    let update =
        update.update_expression("SET #n = :name ADD v :two").expression_attribute_names("#n", "name");
    let update = update.expression_attribute_values(":name", s("amit"));
    let update = update.expression_attribute_values(":two", n(2)).return_values(ReturnValue::AllNew);
    let second = item("a", "1", [("v", n(3)), ("name", s("amit"))]);
    assert_eq!(update.send().await.unwrap().attributes, Some(second.clone()));

    let get = client.get_item().table_name("Course").set_key(Some(at("a", "1"))).consistent_read(true);
    assert_eq!(get.clone().send().await.unwrap().item, Some(second.clone()));
    let delete = client.delete_item().table_name("Course").set_key(Some(at("a", "1")));
    let deleted = delete.return_values(ReturnValue::AllOld).send().await.unwrap();
    assert_eq!(deleted.attributes, Some(second));
    assert_eq!(get.send().await.unwrap().item, None);
    world.stop().await.unwrap();
}

/// A table `Course` of ten items, with an index of each kind.
async fn create_library(client: &Client) {
    table_with_indexes(client).send().await.unwrap();
    wait_until_exists(client, "Course").await;
    let items = (0..10).map(|i| {
        let owner = if i % 2 == 0 { "ada" } else { "bob" };
        item(&format!("p{}", i / 5), &i.to_string(), [("v", n(-i)), ("owner", s(owner))])
    });
    write_all(client, "Course", items).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_and_its_indexes_are_queried() {
    let world = world().await;
    let client = client(&world);
    create_library(&client).await;
    let query = client.query().table_name("Course").key_condition_expression("pk = :p AND sk > :from");
    let query = query.expression_attribute_values(":p", s("p0")).expression_attribute_values(":from", s("1"));
    assert_eq!(sort_keys(query.send().await.unwrap().items()), ["2", "3", "4"]);

    let query = client.query().table_name("Course").index_name("by-v").consistent_read(true);
    let query = query.key_condition_expression("pk = :p AND v BETWEEN :least AND :most");
    let query = query.expression_attribute_values(":p", s("p1"));
    let query =
        query.expression_attribute_values(":least", n(-8)).expression_attribute_values(":most", n(-6));
    assert_eq!(sort_keys(query.send().await.unwrap().items()), ["8", "7", "6"]);

    let query =
        client.query().table_name("Course").index_name("by-owner").key_condition_expression("#o = :o");
    let query = query.expression_attribute_names("#o", "owner").expression_attribute_values(":o", s("ada"));
    let query = query.scan_index_forward(false);
    assert_eq!(sort_keys(query.send().await.unwrap().items()), ["0", "2", "4", "6", "8"]);
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_scanned_with_a_filter_and_in_segments() {
    let world = world().await;
    let client = client(&world);
    create_library(&client).await;
    let scan = client.scan().table_name("Course").filter_expression("#o = :o AND v < :most");
    let scan = scan.expression_attribute_names("#o", "owner").expression_attribute_values(":o", s("bob"));
    let answer = scan.expression_attribute_values(":most", n(-4)).send().await.unwrap();
    let mut found = sort_keys(answer.items());
    found.sort_unstable();
    assert_eq!((found, answer.scanned_count()), (vec!["5", "7", "9"], 10));

    let segment = |segment| client.scan().table_name("Course").total_segments(3).segment(segment).send();
    let segments = tokio::try_join!(segment(0), segment(1), segment(2)).unwrap();
    let segments = [segments.0, segments.1, segments.2];
    let mut found: Vec<_> = segments.iter().flat_map(|answer| sort_keys(answer.items())).collect();
    found.sort_unstable();
    assert_eq!(found, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_reads_that_is_too_large_for_an_answer_leaves_keys_for_the_next() {
    let world = world().await;
    let client = client(&world);
    // Of what the items take, a table on demand would give a fifth in its first second.
    let ample = ProvisionedThroughput::builder().read_capacity_units(5_000).write_capacity_units(20_000);
    let ample = ample.build().unwrap();
    table(&client, "Course").provisioned_throughput(ample).send().await.unwrap();
    wait_until_exists(&client, "Course").await;
    let filling = "x".repeat(390_000);
    let items = (0..50).map(|i| item(&format!("p{i}"), "1", [("filling", s(&filling))]));
    write_all(&client, "Course", items).await;

    let keys = (0..50).map(|i| at(&format!("p{i}"), "1")).collect();
    let asked =
        KeysAndAttributes::builder().set_keys(Some(keys)).projection_expression("pk").build().unwrap();
    let (mut left, mut found, mut answers) = (HashMap::from([("Course".to_owned(), asked)]), vec![], 0);
    while !left.is_empty() {
        let answer = client.batch_get_item().set_request_items(Some(left)).send().await.unwrap();
        let items = answer.responses.unwrap_or_default().remove("Course").unwrap_or_default();
        found.extend(items.iter().map(|item| item["pk"].as_s().unwrap().clone()));
        left = answer.unprocessed_keys.unwrap_or_default();
        answers += 1;
    }
    found.sort();
    let mut expected: Vec<_> = (0..50).map(|i| format!("p{i}")).collect();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(answers, 2, "an answer is of at most 16 MB");
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_global_index_is_added_to_a_live_table_and_taken_away() {
    let world = world().await;
    let client = client(&world);
    create_table(&client, "Course").await;
    let items = (0..30).map(|i| item("p", &format!("{i:02}"), [("owner", s("ada")), ("v", n(i))]));
    write_all(&client, "Course", items).await;

    let create = CreateGlobalSecondaryIndexAction::builder()
        .index_name("by-owner")
        .key_schema(key("owner", KeyType::Hash))
        .key_schema(key("v", KeyType::Range))
        .projection(all_attributes())
        .build()
        .unwrap();
    let update = client
        .update_table()
        .table_name("Course")
        .attribute_definitions(attribute("owner", ScalarAttributeType::S))
        .attribute_definitions(attribute("v", ScalarAttributeType::N))
        .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(create).build());
    update.send().await.unwrap();
    let indexes = async || {
        let table = client.describe_table().table_name("Course").send().await.unwrap().table.unwrap();
        (table.table_status == Some(TableStatus::Active)).then_some(table.global_secondary_indexes)
    };
    until("the index being active", async || {
        let index = indexes().await??.pop()?;
        (index.index_status == Some(IndexStatus::Active)).then_some(())
    })
    .await;
    let query =
        client.query().table_name("Course").index_name("by-owner").key_condition_expression("#o = :o");
    let query = query.expression_attribute_names("#o", "owner").expression_attribute_values(":o", s("ada"));
    assert_eq!(query.clone().send().await.unwrap().count(), 30);

    let delete = DeleteGlobalSecondaryIndexAction::builder().index_name("by-owner").build().unwrap();
    let delete = GlobalSecondaryIndexUpdate::builder().delete(delete).build();
    client.update_table().table_name("Course").global_secondary_index_updates(delete).send().await.unwrap();
    until("the index being gone", async || indexes().await?.is_none().then_some(())).await;
    let error = query.send().await.unwrap_err().into_service_error();
    let message = error.meta().message().unwrap();
    assert!(message.starts_with("The table does not have the specified index"), "{message}");
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_whose_time_has_come_expires_and_others_do_not() {
    let world = world().await;
    let client = client(&world);
    create_table(&client, "Course").await;
    let specification = TimeToLiveSpecification::builder().attribute_name("until").enabled(true);
    let update = client.update_time_to_live().table_name("Course");
    update.time_to_live_specification(specification.build().unwrap()).send().await.unwrap();
    until("time to live being enabled", async || {
        let answer = client.describe_time_to_live().table_name("Course").send().await.unwrap();
        let description = answer.time_to_live_description?;
        assert_eq!(description.attribute_name(), Some("until"));
        (description.time_to_live_status == Some(TimeToLiveStatus::Enabled)).then_some(())
    })
    .await;

    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let due = item("due", "1", [("until", n(now - 60))]);
    let later = item("later", "1", [("until", n(now + 3_600))]);
    write_all(&client, "Course", [due, later.clone()]).await;
    until("the item's end", async || {
        let scan = client.scan().table_name("Course").consistent_read(true).send().await.unwrap();
        (scan.items() == std::slice::from_ref(&later)).then_some(())
    })
    .await;
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_carries_tags_and_a_policy() {
    let world = world().await;
    let client = client(&world);
    create_table(&client, "Course").await;
    let arn = "arn:aws:dynamodb:local:000000000000:table/Course";
    let tag = |key, value| Tag::builder().key(key).value(value).build().unwrap();
    let tags = async || {
        let mut tags = client.list_tags_of_resource().resource_arn(arn).send().await.unwrap().tags.unwrap();
        tags.sort_by(|one, other| one.key().cmp(other.key()));
        tags
    };
    let tagged = client.tag_resource().resource_arn(arn);
    tagged.tags(tag("team", "blue")).tags(tag("stage", "test")).send().await.unwrap();
    assert_eq!(tags().await, [tag("stage", "test"), tag("team", "blue")]);
    client.untag_resource().resource_arn(arn).tag_keys("stage").send().await.unwrap();
    assert_eq!(tags().await, [tag("team", "blue")]);

    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:user/reader"}, "Action": "dynamodb:PutItem",
        "Resource": "arn:aws:dynamodb:local:000000000000:table/Course"}]}"#;
    let put = client.put_resource_policy().resource_arn(arn).policy(policy).send().await.unwrap();
    let get = client.get_resource_policy().resource_arn(arn).send().await.unwrap();
    assert_eq!((get.policy(), get.revision_id()), (Some(policy), put.revision_id()));
    let reader = &world.environment.reader;
    let reader = Client::from_conf(crate::support::config(&world.environment, reader).build());
    let write = reader.put_item().table_name("Course").set_item(Some(at("a", "1")));
    write.clone().send().await.unwrap();
    client.delete_resource_policy().resource_arn(arn).send().await.unwrap();
    let error = client.get_resource_policy().resource_arn(arn).send().await.unwrap_err().into_service_error();
    assert!(error.is_policy_not_found_exception(), "{error:?}");
    write.send().await.unwrap_err();
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_endpoints_are_told() {
    let world = world().await;
    let client = client(&world);
    let limits = client.describe_limits().send().await.unwrap();
    assert_eq!(limits.table_max_write_capacity_units(), Some(40_000));
    assert_eq!(limits.account_max_read_capacity_units(), Some(80_000));
    let endpoints = client.describe_endpoints().send().await.unwrap();
    let [endpoint] = endpoints.endpoints() else { panic!("{endpoints:?}") };
    assert_eq!(Some(endpoint.address()), world.environment.endpoint.strip_prefix("http://"));
    assert!(endpoint.cache_period_in_minutes() > 0);
    world.stop().await.unwrap();
}
