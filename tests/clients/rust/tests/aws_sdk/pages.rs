//! Pages, asked for by the SDK's paginators: nothing is lost and nothing comes twice.

use crate::support::{Item, Seen, at, client, config, create_table, item, n, s, world, write_all};
use aws_sdk_dynamodb::Client;

/// Items in one partition, of 25 KB each, so that they take a page of a megabyte and half another.
const ITEMS: usize = 60;

async fn fill(client: &Client) {
    let filling = "x".repeat(25_000);
    let items = (0..ITEMS).map(|i| item("a", &format!("{i:03}"), [("filling", s(&filling)), ("i", n(i))]));
    write_all(client, "Course", items).await;
}

fn sort_keys(items: &[Item]) -> Vec<String> {
    items.iter().map(|item| item["sk"].as_s().unwrap().clone()).collect()
}

fn all_sort_keys() -> Vec<String> {
    (0..ITEMS).map(|i| format!("{i:03}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_of_more_than_a_megabyte_comes_in_pages_that_make_the_whole() {
    let world = world().await;
    let client = client(&world);
    create_table(&client, "Course").await;
    fill(&client).await;
    let query = client.query().table_name("Course").key_condition_expression("pk = :a");
    let query = query.expression_attribute_values(":a", s("a"));

    let pages: Vec<_> = query.clone().into_paginator().send().collect::<Result<_, _>>().await.unwrap();
    let found: Vec<_> = pages.iter().flat_map(|page| sort_keys(page.items())).collect();
    assert_eq!(found, all_sort_keys());
    let sizes: Vec<_> = pages.iter().map(|page| page.count()).collect();
    assert_eq!(sizes, [42, 18], "a page ends with the item that exceeds a megabyte");

    let backwards = query.clone().scan_index_forward(false).into_paginator().page_size(7).items().send();
    let mut found = sort_keys(&backwards.collect::<Result<Vec<_>, _>>().await.unwrap());
    found.reverse();
    assert_eq!(found, all_sort_keys());
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_comes_in_pages_that_make_the_whole_even_where_a_filter_leaves_some_empty() {
    let world = world().await;
    let seen = Seen::default();
    let administrator = &world.environment.administrator;
    let client =
        Client::from_conf(config(&world.environment, administrator).interceptor(seen.clone()).build());
    create_table(&client, "Course").await;
    fill(&client).await;

    let items = client.scan().table_name("Course").into_paginator().items().send();
    let mut found = sort_keys(&items.collect::<Result<Vec<_>, _>>().await.unwrap());
    found.sort();
    assert_eq!(found, all_sort_keys());

    let before = seen.attempts();
    let scan =
        client.scan().table_name("Course").filter_expression("i = :last").projection_expression("pk, sk");
    let scan = scan.expression_attribute_values(":last", n(ITEMS - 1));
    let items = scan.into_paginator().page_size(8).items().send().collect::<Result<Vec<_>, _>>().await;
    assert_eq!(items.unwrap(), [at("a", "059")]);
    assert_eq!(seen.attempts() - before, ITEMS.div_ceil(8), "pages without items are pages too");
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_of_tables_come_in_pages() {
    let world = world().await;
    let client = client(&world);
    let names: Vec<String> = (0..5).map(|i| format!("table-{i}")).collect();
    for name in &names {
        create_table(&client, name).await;
    }
    let pages = client.list_tables().limit(2).into_paginator().send();
    let pages: Vec<_> = pages.collect::<Result<_, _>>().await.unwrap();
    let sizes: Vec<_> = pages.iter().map(|page| page.table_names().len()).collect();
    assert_eq!(sizes, [2, 2, 1]);
    let listed: Vec<_> = pages.iter().flat_map(|page| page.table_names().to_vec()).collect();
    assert_eq!(listed, names);
    world.stop().await.unwrap();
}
