//! Tables over real gRPC: their life, their settings, their names, and what is refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;

use cairn_api::v1;
use common::{TestServer, folder, n, s, table_request};
use tonic::{Code, Status};
use tonic_types::StatusExt;

async fn server() -> (TestServer, tempfile::TempDir) {
    let folder = folder();
    (TestServer::start(folder.path()).await, folder)
}

fn message(status: &Status) -> (Code, &str) {
    (status.code(), status.message())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_active_when_its_creator_hears_of_it_and_gone_when_it_is_deleted() {
    let (server, _folder) = server().await;
    let created =
        server.tables().create_table(table_request("Music")).await.unwrap().into_inner().table.unwrap();
    // As a server for development answers.
    assert_eq!(created.table_status(), v1::TableStatus::Active);
    assert_eq!(created.table_arn, "arn:aws:dynamodb:local:000000000000:table/Music");
    assert_eq!(created.table_id.len(), 36);
    let active = server.describe("Music").await.unwrap();
    assert_eq!(active.table_status(), v1::TableStatus::Active);
    assert_eq!(active.table_id, created.table_id);
    assert_eq!(active.creation_time, created.creation_time);
    assert_eq!(active.key_schema.len(), 2);

    server.put("Music", &[("pk", s("a")), ("sk", n("1")), ("x", s("yz"))]).await.unwrap();
    let described = server.describe("Music").await.unwrap();
    assert_eq!((described.item_count, described.table_size_bytes), (1, 10));

    let again = server.tables().create_table(table_request("Music")).await.unwrap_err();
    assert_eq!(message(&again), (Code::AlreadyExists, "Table already exists: Music"));

    let request = v1::DeleteTableRequest { table: "Music".into() };
    let deleted = server.tables().delete_table(request.clone()).await.unwrap().into_inner().table.unwrap();
    assert_eq!(deleted.table_status(), v1::TableStatus::Deleting);
    let gone = server.describe("Music").await.unwrap_err();
    assert_eq!(message(&gone), (Code::NotFound, "Requested resource not found: Table: Music not found"));
    assert_eq!(server.tables().delete_table(request).await.unwrap_err().code(), Code::NotFound);

    // The name is free, and nothing of the old table is left.
    server.create_table("Music").await;
    assert_eq!(server.get("Music", &[("pk", s("a")), ("sk", n("1"))]).await, None);
    assert_eq!(server.describe("Music").await.unwrap().item_count, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn key_schemas_that_make_no_sense_are_refused() {
    let (server, _folder) = server().await;
    let refuse = async |change: &dyn Fn(&mut v1::CreateTableRequest), text: &str, field: &str| {
        let mut request = table_request("Music");
        change(&mut request);
        let status = server.tables().create_table(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert!(status.message().contains(text), "{}", status.message());
        assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, field);
    };
    refuse(&|request| request.table = "x".into(), "greater than or equal to 3", "table").await;
    refuse(&|request| request.key_schema.clear(), "greater than or equal to 1", "key_schema").await;
    refuse(
        &|request| request.key_schema.reverse(),
        "first KeySchemaElement is not a HASH",
        "key_schema[0].key_type",
    )
    .await;
    refuse(
        &|request| request.key_schema[1].key_type = v1::KeyType::Hash.into(),
        "second KeySchemaElement is not a RANGE",
        "key_schema[1].key_type",
    )
    .await;
    let undefined = "Invalid KeySchema: Some index key attribute have no definition";
    refuse(&|request| request.key_schema[1].attribute_name = "pk".into(), undefined, "key_schema").await;
    refuse(&|request| request.attribute_definitions.truncate(1), undefined, "key_schema").await;
    refuse(
        &|request| request.key_schema.truncate(1),
        "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
        "key_schema",
    )
    .await;
    refuse(
        &|request| request.attribute_definitions[0].attribute_type = 0,
        "enum value set",
        "attribute_definitions[0].attribute_type",
    )
    .await;
    refuse(
        &|request| request.attribute_definitions[0].attribute_name = "x".repeat(256),
        "less than or equal to 255",
        "attribute_definitions[0].attribute_name",
    )
    .await;
    refuse(
        &|request| request.billing_mode = v1::BillingMode::Provisioned.into(),
        "must both be specified when BillingMode is PROVISIONED",
        "provisioned_throughput",
    )
    .await;
    refuse(
        &|request| {
            request.provisioned_throughput =
                Some(v1::ProvisionedThroughput { read_capacity_units: 1, write_capacity_units: 1 });
        },
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified",
        "provisioned_throughput",
    )
    .await;
    refuse(&|request| request.billing_mode = 77, "enum value set", "billing_mode").await;
    refuse(
        &|request| request.tags = vec![v1::Tag { key: "aws:x".into(), value: String::new() }],
        "reserved",
        "tags[0].key",
    )
    .await;
    let listed = server.tables().list_tables(v1::ListTablesRequest::default()).await.unwrap().into_inner();
    assert!(listed.table_names.is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_listed_in_byte_order_and_in_pages() {
    let (server, _folder) = server().await;
    for name in ["b-table", "a-table", "B-table", "c.table"] {
        server.create_table(name).await;
    }
    let list = async |page_size: i32, page_token: &str| {
        let request = v1::ListTablesRequest { page_size, page_token: page_token.into() };
        server.tables().list_tables(request).await.map(tonic::Response::into_inner)
    };
    let all = list(0, "").await.unwrap();
    assert_eq!(
        (all.table_names.join(" ").as_str(), all.next_page_token.as_str()),
        ("B-table a-table b-table c.table", "")
    );
    let first = list(2, "").await.unwrap();
    assert_eq!(
        (first.table_names.join(" ").as_str(), first.next_page_token.as_str()),
        ("B-table a-table", "a-table")
    );
    let second = list(2, "a-table").await.unwrap();
    assert_eq!(
        (second.table_names.join(" ").as_str(), second.next_page_token.as_str()),
        ("b-table c.table", "")
    );
    // A token need not name a table.
    assert_eq!(list(1, "b").await.unwrap().table_names, ["b-table"]);
    for wrong in [-1, 101] {
        let status = list(wrong, "").await.unwrap_err();
        assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "page_size");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_change_and_protection_protects() {
    let (server, _folder) = server().await;
    server.create_table("Music").await;
    let update = async |request: v1::UpdateTableRequest| {
        let answer =
            server.tables().update_table(v1::UpdateTableRequest { table: "Music".into(), ..request }).await;
        let table = answer.map(|answer| answer.into_inner().table.unwrap());
        server.wait_for("Music", v1::TableStatus::Active).await;
        table
    };
    let units = |read, write| {
        Some(v1::ProvisionedThroughput { read_capacity_units: read, write_capacity_units: write })
    };
    let nothing = update(v1::UpdateTableRequest::default()).await.unwrap_err();
    assert!(nothing.message().starts_with("At least one of"), "{}", nothing.message());

    let provisioned = update(v1::UpdateTableRequest {
        billing_mode: v1::BillingMode::Provisioned.into(),
        provisioned_throughput: units(10, 5),
        ..Default::default()
    })
    .await
    .unwrap();
    assert_eq!(provisioned.table_status(), v1::TableStatus::Active);
    let throughput = provisioned.provisioned_throughput.unwrap();
    assert_eq!((throughput.read_capacity_units, throughput.write_capacity_units), (10, 5));
    let lower = update(v1::UpdateTableRequest { provisioned_throughput: units(5, 50), ..Default::default() })
        .await
        .unwrap();
    let throughput = lower.provisioned_throughput.unwrap();
    assert_eq!(throughput.number_of_decreases_today, 1);
    assert!(throughput.last_increase_time.is_some() && throughput.last_decrease_time.is_some());
    let same = update(v1::UpdateTableRequest { provisioned_throughput: units(5, 50), ..Default::default() })
        .await
        .unwrap_err();
    assert!(
        same.message().starts_with("The provisioned throughput for the table will not change."),
        "{same:?}"
    );

    let protect = |on| v1::UpdateTableRequest { deletion_protection_enabled: Some(on), ..Default::default() };
    assert!(update(protect(true)).await.unwrap().deletion_protection_enabled);
    let delete = || v1::DeleteTableRequest { table: "Music".into() };
    let refused = server.tables().delete_table(delete()).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("protected against deletion"), "{}", refused.message());
    update(protect(false)).await.unwrap();
    server.tables().delete_table(delete()).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_set_replaced_listed_and_removed() {
    let (server, _folder) = server().await;
    server.create_table("Music").await;
    let arn = server.describe("Music").await.unwrap().table_arn;
    let tag = |key: &str, value: &str| v1::Tag { key: key.into(), value: value.into() };
    let set = async |tags: Vec<v1::Tag>| {
        server.tables().tag_resource(v1::TagResourceRequest { resource_arn: arn.clone(), tags }).await
    };
    let list = async |page_size: i32, page_token: String| {
        let request = v1::ListTagsOfResourceRequest { resource_arn: arn.clone(), page_size, page_token };
        server.tables().list_tags_of_resource(request).await.unwrap().into_inner()
    };
    set(vec![tag("team", "a"), tag("env", "test")]).await.unwrap();
    set(vec![tag("team", "b")]).await.unwrap();
    assert_eq!(list(0, String::new()).await.tags, [tag("env", "test"), tag("team", "b")]);
    let first = list(1, String::new()).await;
    assert_eq!((first.tags.len(), list(1, first.next_page_token).await.tags), (1, vec![tag("team", "b")]));
    let many = (0..50).map(|number| tag(&format!("t{number}"), "")).collect();
    assert_eq!(set(many).await.unwrap_err().code(), Code::InvalidArgument);
    let untag =
        v1::UntagResourceRequest { resource_arn: arn.clone(), tag_keys: vec!["team".into(), "never".into()] };
    server.tables().untag_resource(untag).await.unwrap();
    assert_eq!(list(0, String::new()).await.tags, [tag("env", "test")]);
    for (wrong, code) in [
        ("Music", Code::InvalidArgument),
        ("arn:aws:dynamodb:local:000000000000:table/Music/index/i", Code::InvalidArgument),
        ("arn:aws:dynamodb:local:000000000000:table/Nothing", Code::NotFound),
    ] {
        let request = v1::TagResourceRequest { resource_arn: wrong.into(), tags: vec![tag("a", "b")] };
        assert_eq!(server.tables().tag_resource(request).await.unwrap_err().code(), code, "{wrong}");
    }
    server.stop().await;
}
