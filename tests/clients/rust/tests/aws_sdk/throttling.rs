//! A table that allows one unit a second, and what the SDK makes of that.

use crate::support::{self, Item, Seen, client, config, item, s, table, wait_until_exists, world};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ProvisionedThroughput;
use cairn_clients::World;
use std::time::Duration;

async fn create_slow_table(world: &World) {
    let client = client(world);
    let least = ProvisionedThroughput::builder().read_capacity_units(1).write_capacity_units(1).build();
    table(&client, "Slow").provisioned_throughput(least.unwrap()).send().await.unwrap();
    wait_until_exists(&client, "Slow").await;
}

/// An item that takes so many write units.
fn large_item(sk: &str, units: usize) -> Item {
    item("a", sk, [("filling", s("x".repeat(units * 1_024 - 100)))])
}

fn client_that_retries(world: &World, retries: RetryConfig, seen: &Seen) -> Client {
    let config = config(&world.environment, &world.environment.administrator);
    Client::from_conf(config.retry_config(retries).interceptor(seen.clone()).build())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_retries_a_write_beyond_the_throughput_is_a_typed_error_that_says_what_was_exceeded() {
    let world = world().await;
    create_slow_table(&world).await;
    let seen = Seen::default();
    let client = client_that_retries(&world, RetryConfig::disabled(), &seen);
    let put = client.put_item().table_name("Slow");
    // One write may overdraw the table: this one by many seconds, though a new table begins with a minute of its
    // throughput.
    put.clone().set_item(Some(large_item("1", 90))).send().await.unwrap();

    let error = put.set_item(Some(item("a", "2", []))).send().await.unwrap_err().into_service_error();
    let PutItemError::ProvisionedThroughputExceededException(throttled) = error else { panic!("{error:?}") };
    let message = throttled.message().unwrap();
    assert!(message.starts_with("The level of configured provisioned throughput"), "{message}");
    let reasons: Vec<_> = throttled.throttling_reasons().iter().filter_map(|given| given.reason()).collect();
    assert_eq!(reasons, ["TableWriteProvisionedThroughputExceeded"]);
    assert_eq!(seen.attempts(), 2);
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_sdks_standard_retries_the_same_writes_all_succeed() {
    writes_succeed_with(RetryConfig::standard()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_sdks_adaptive_retries_the_same_writes_all_succeed() {
    writes_succeed_with(RetryConfig::adaptive()).await;
}

async fn writes_succeed_with(retries: RetryConfig) {
    let world = world().await;
    create_slow_table(&world).await;
    let seen = Seen::default();
    // Pauses are random and several seconds must pass: with the four attempts that it makes of itself, a write would
    // fail now and then.
    let retries = retries.with_max_attempts(20).with_max_backoff(Duration::from_secs(1));
    let client = client_that_retries(&world, retries, &seen);
    let put = |item| client.put_item().table_name("Slow").set_item(Some(item)).send();
    // Two units more than a new table has.
    put(large_item("0", 62)).await.unwrap();
    tokio::try_join!(put(item("a", "1", [])), put(item("a", "2", [])), put(item("a", "3", []))).unwrap();
    assert!(seen.attempts() > 4, "{} attempts at 4 writes", seen.attempts());

    let found = support::client(&world).scan().table_name("Slow").send().await.unwrap();
    assert_eq!(found.count(), 4);
    world.stop().await.unwrap();
}
