//! BatchGetItem and BatchWriteItem.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod harness;
mod root;

use cairn_model::{AttributeValue, Item};
use cairn_ops::{
    BatchGetItem, BatchWriteItem, Error, KeysAndAttributes, ReturnConsumedCapacity, WriteRequest,
};
use harness::{
    Refusing, attributes, create_tables, get, held_clock, invalid, item, key, map, n, put, s, service,
    service_at, values,
};
use root::AsRoot;
use std::collections::BTreeMap;

const FILMS_ARN: &str = "arn:aws:dynamodb:local:000000000000:table/Films";

fn keys(keys: Vec<Item>) -> KeysAndAttributes {
    KeysAndAttributes { keys, ..KeysAndAttributes::default() }
}

fn batch_get(parts: Vec<(&str, KeysAndAttributes)>) -> BatchGetItem {
    BatchGetItem {
        request_items: parts.into_iter().map(|(table, part)| (table.to_owned(), part)).collect(),
        return_consumed_capacity: ReturnConsumedCapacity::Total,
        response_bytes_max: None,
    }
}

fn batch_write(parts: Vec<(&str, Vec<WriteRequest>)>) -> BatchWriteItem {
    BatchWriteItem {
        request_items: parts.into_iter().map(|(table, part)| (table.to_owned(), part)).collect(),
        return_consumed_capacity: ReturnConsumedCapacity::Total,
        return_item_collection_metrics: false,
    }
}

fn put_request(pk: &str, sk: &str) -> WriteRequest {
    WriteRequest::Put(key(pk, sk))
}

#[tokio::test]
async fn a_batch_reads_what_is_there_of_several_tables_and_tells_what_each_cost() {
    let service = service().await;
    put(
        &service,
        "Music",
        &[("pk", s("a")), ("sk", n("1")), ("name", s("x")), ("more", s(&"y".repeat(5_000)))],
    )
    .await;
    put(&service, "Music", &[("pk", s("a")), ("sk", n("2"))]).await;
    let music = KeysAndAttributes {
        consistent: true,
        projection_expression: Some("#n".into()),
        arguments: cairn_ops::ExpressionArguments {
            names: Some(BTreeMap::from([("#n".to_owned(), "name".to_owned())])),
            values: None,
            built: None,
        },
        ..keys(vec![key("a", "1"), key("a", "2"), key("a", "3")])
    };
    let output = batch_get(vec![("Music", music), (FILMS_ARN, keys(vec![key("b", "1")]))])
        .by_root(&service)
        .await
        .unwrap();
    let found: Vec<_> = output.responses["Music"].iter().cloned().map(attributes).collect();
    assert_eq!(found, [map(&[("name", s("x"))]), map(&[])]);
    assert!(output.responses[FILMS_ARN].is_empty());
    assert!(output.unprocessed_keys.is_empty());
    let costs: Vec<_> =
        output.consumed_capacity.iter().map(|cost| (cost.table.as_str(), cost.capacity_units)).collect();
    // Items of 5 KB, 4 bytes, and none; then none, eventually consistent.
    assert_eq!(costs, [("Music", 4.0), (FILMS_ARN, 0.5)]);
}

#[tokio::test]
async fn what_an_answer_has_no_room_for_is_left_with_all_its_options() {
    let service = service().await;
    let body = s(&"x".repeat(400_000));
    let sort_keys: Vec<_> = (0..45).map(|number| number.to_string()).collect();
    for sk in &sort_keys {
        put(&service, "Music", &[("pk", s("a")), ("sk", n(sk)), ("body", body.clone())]).await;
    }
    let part = KeysAndAttributes {
        consistent: true,
        projection_expression: Some("sk".into()),
        ..keys(sort_keys.iter().map(|sk| key("a", sk)).collect())
    };
    let mut parts = BTreeMap::from([("Music".to_owned(), part)]);
    let mut answers = Vec::new();
    let mut seen = Vec::new();
    while !parts.is_empty() {
        let output =
            BatchGetItem { request_items: parts, ..BatchGetItem::default() }.by_root(&service).await.unwrap();
        answers.push(output.responses["Music"].len());
        seen.extend(output.responses["Music"].iter().cloned().map(attributes));
        parts = output.unprocessed_keys;
        for part in parts.values() {
            assert!(part.consistent);
            assert_eq!(part.projection_expression.as_deref(), Some("sk"));
        }
    }
    // 41 items of 400,010 bytes are within 16 MB; the projection makes no difference.
    assert_eq!(answers, [41, 4]);
    let expected: Vec<_> = sort_keys.iter().map(|sk| map(&[("sk", n(sk))])).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_batch_of_reads_that_breaks_a_rule_is_refused() {
    let service = service().await;
    let refused = async |parts| invalid(batch_get(parts).by_root(&service).await);
    let (text, field) = refused(vec![]).await;
    assert_eq!(
        (text.as_str(), field.as_str()),
        ("The requestItems parameter is required for BatchGetItem", "request_items")
    );
    let (text, field) = refused(vec![("Music", keys(vec![]))]).await;
    assert!(
        text.contains(
            "'requestItems.Music.member.keys' failed to satisfy constraint: Member must have length greater"
        ),
        "{text}"
    );
    assert_eq!(field, "request_items[\"Music\"].keys");
    let many = |count: usize| keys((0..count).map(|sk| key("a", &sk.to_string())).collect());
    let (text, _) = refused(vec![("Music", many(101))]).await;
    assert!(text.ends_with("Member must have length less than or equal to 100"), "{text}");
    let (text, _) = refused(vec![("Music", many(51)), ("Films", many(50))]).await;
    assert_eq!(text, "Too many items requested for the BatchGetItem call");
    // Equal numbers are one key, however they are written, and a table is one table, however it is named.
    let duplicates = "Provided list of item keys contains duplicates";
    let (text, field) = refused(vec![("Music", keys(vec![key("a", "1"), key("a", "1.0")]))]).await;
    assert_eq!((text.as_str(), field.as_str()), (duplicates, "request_items[\"Music\"].keys[1]"));
    let (text, _) =
        refused(vec![("Films", keys(vec![key("a", "1")])), (FILMS_ARN, keys(vec![key("a", "1")]))]).await;
    assert_eq!(text, duplicates);
    let unused = KeysAndAttributes { arguments: values(&[(":v", s("x"))]), ..keys(vec![key("a", "1")]) };
    let (_, field) = refused(vec![("Music", unused)]).await;
    assert_eq!(field, "request_items[\"Music\"].bindings.values");
    let (text, field) = refused(vec![("Music", keys(vec![item(&[("pk", s("a"))])]))]).await;
    assert_eq!(text, "The provided key element does not match the schema");
    assert_eq!(field, "request_items[\"Music\"].keys[0][\"sk\"]");
    let missing = batch_get(vec![("Music", many(1)), ("Other", many(1))]).by_root(&service).await;
    assert!(matches!(missing, Err(Error::ResourceNotFound { resource, .. }) if resource == "Other"));
}

#[tokio::test]
async fn a_batch_puts_and_deletes_and_tells_what_each_table_cost() {
    let service = service().await;
    put(&service, "Music", &[("pk", s("old")), ("sk", n("1")), ("body", s(&"x".repeat(3_000)))]).await;
    let output = batch_write(vec![
        ("Music", vec![put_request("a", "1"), WriteRequest::Delete(key("old", "1"))]),
        ("Films", vec![put_request("b", "1"), WriteRequest::Delete(key("none", "1"))]),
    ])
    .by_root(&service)
    .await
    .unwrap();
    assert!(output.unprocessed_items.is_empty());
    let costs: Vec<_> =
        output.consumed_capacity.iter().map(|cost| (cost.table.as_str(), cost.capacity_units)).collect();
    assert_eq!(costs, [("Films", 2.0), ("Music", 4.0)]);
    assert_eq!(get(&service, "Music", key("a", "1")).await, Some(attributes(key("a", "1"))));
    assert_eq!(get(&service, "Music", key("old", "1")).await, None);
    assert_eq!(get(&service, "Films", key("b", "1")).await, Some(attributes(key("b", "1"))));
}

#[tokio::test]
async fn a_batch_with_one_element_that_breaks_a_rule_writes_nothing() {
    let service = service().await;
    let good = || put_request("good", "1");
    let refused = async |bad: Vec<WriteRequest>| {
        let writes = std::iter::once(good()).chain(bad).collect();
        invalid(batch_write(vec![("Music", writes)]).by_root(&service).await)
    };
    let duplicates = "Provided list of item keys contains duplicates";
    for twice in [
        vec![put_request("a", "1"), put_request("a", "1.0")],
        vec![put_request("a", "1"), WriteRequest::Delete(key("a", "1e0"))],
        vec![WriteRequest::Delete(key("a", "1")), WriteRequest::Delete(key("a", "01"))],
    ] {
        assert_eq!(refused(twice).await, (duplicates.to_owned(), "request_items[\"Music\"][2]".to_owned()));
    }
    let (text, field) = refused(vec![WriteRequest::Put(item(&[("pk", s("a"))]))]).await;
    assert_eq!(text, "The provided key element does not match the schema");
    assert_eq!(field, "request_items[\"Music\"][1].put[\"sk\"]");
    let unindexable = item(&[("pk", s("a")), ("sk", n("1")), ("band", n("1"))]);
    let (text, field) = refused(vec![WriteRequest::Put(unindexable)]).await;
    assert!(text.contains("Type mismatch"), "{text}");
    assert!(field.starts_with("request_items[\"Music\"][1].") && field.ends_with("[\"band\"]"), "{field}");
    let (text, _) = refused(vec![WriteRequest::Delete(item(&[("pk", s("a"))]))]).await;
    assert_eq!(text, "The provided key element does not match the schema");
    let large = item(&[("pk", s("a")), ("sk", n("1")), ("body", s(&"x".repeat(410_000)))]);
    // Callers' items come encoded.
    let (text, _) = refused(vec![WriteRequest::Put(Item::from_encoded(large.encoded()))]).await;
    assert_eq!(text, "Item size has exceeded the maximum allowed size");
    let (text, field) = refused((0..25).map(|sk| put_request("a", &sk.to_string())).collect()).await;
    let length = "Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must \
                  have length greater than or equal to 1]";
    assert!(text.ends_with(length), "{text}");
    assert_eq!(field, "request_items[\"Music\"]");
    let missing = batch_write(vec![("Music", vec![good()]), ("Other", vec![good()])]).by_root(&service).await;
    assert!(matches!(missing, Err(Error::ResourceNotFound { .. })));
    let (text, _) = invalid(batch_write(vec![]).by_root(&service).await);
    assert_eq!(text, "The requestItems parameter is required for BatchWriteItem");
    assert_eq!(get(&service, "Music", key("good", "1")).await, None);
}

#[tokio::test]
async fn elements_that_the_store_has_no_time_for_are_left_and_none_at_all_is_an_error() {
    let engine = Refusing::new();
    let service = service_at(engine.clone(), &held_clock()).await;
    create_tables(&service).await;
    let writes = || (0..5).map(|sk| put_request("a", &sk.to_string())).collect::<Vec<_>>();

    engine.allow(0);
    let nothing = batch_write(vec![("Music", writes())]).by_root(&service).await;
    assert!(matches!(nothing, Err(Error::Unavailable { .. })), "{nothing:?}");

    engine.allow(3);
    let output = batch_write(vec![("Music", writes())]).by_root(&service).await.unwrap();
    assert_eq!(output.unprocessed_items["Music"].len(), 2);
    assert_eq!(output.consumed_capacity[0].capacity_units, 3.0);

    engine.allow(usize::MAX);
    let again = BatchWriteItem { request_items: output.unprocessed_items, ..BatchWriteItem::default() };
    assert!(again.by_root(&service).await.unwrap().unprocessed_items.is_empty());
    for sk in 0..5 {
        assert!(get(&service, "Music", key("a", &sk.to_string())).await.is_some());
    }
}

#[tokio::test]
async fn a_batch_of_reads_is_bounded_by_what_its_items_take_encoded() {
    let service = service().await;
    // Counts 30 KB, and takes 1.38 MB.
    let dense = AttributeValue::L(vec![n("1E-130"); 10_000]);
    for sk in 0..50 {
        put(&service, "Music", &[("pk", s("a")), ("sk", n(&sk.to_string())), ("body", dense.clone())]).await;
    }
    let read = async |response_bytes_max| {
        let part = keys((0..50).map(|sk| key("a", &sk.to_string())).collect());
        let batch = BatchGetItem { response_bytes_max, ..batch_get(vec![("Music", part)]) };
        let output = batch.by_root(&service).await?;
        let left = output.unprocessed_keys.get("Music").map_or(0, |part| part.keys.len());
        assert_eq!(output.responses["Music"].len() + left, 50);
        Ok(output.responses["Music"].len())
    };
    // Unless the caller bounds it, an answer has room for 32 MiB.
    assert_eq!(read(None).await.unwrap(), 24);
    assert_eq!(read(Some(i64::MAX)).await.unwrap(), 24);
    assert_eq!(read(Some(3 << 20)).await.unwrap(), 2);
    assert_eq!(read(Some(1)).await.unwrap(), 1, "each answer gets on");
    for wrong in [0, -1, i64::MIN] {
        let (text, field) = invalid(read(Some(wrong)).await);
        assert!(text.contains("Member must have value greater than or equal to 1"), "{text}");
        assert_eq!(field, "response_bytes_max");
    }
}
