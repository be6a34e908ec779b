//! The second part of the tour: a shop with a catalog, carts and sessions.

use super::notation::{
    Bind, Transact, Write, at_cost, await_active, await_gone, cancelled, committed, condition_failed,
    create_table, delete, delete_table, expect, flag, found, get, item, list, list_tags, map, n, nothing,
    provisioned, put, refused, s, steps, strings, table, table_names, table_with, tag, tags, tags_changed,
    transact, untag, update, update_throughput, written, wrote,
};
use super::tour::{Part, Step};
use cairn_api::v1::{
    CancellationCode, ErrorReason, GetItemRequest, ListTablesRequest, ReadConsistency, ReturnValues,
    ScalarAttributeType, TableStatus, TransactWriteItemsRequest,
};
use cairn_model::AttributeMap;
use tonic::Code;

const CATALOG: &str = "catalog";
const CART: &str = "cart";
const ORDERS: &str = "orders";
const SESSIONS: &str = "sessions";

/// Read and write capacity units a second of the catalog: at first, and then.
const THROUGHPUT: (i64, i64) = (50, 10);
const MORE_THROUGHPUT: (i64, i64) = (100, 10);

pub(super) fn part() -> Part {
    Part {
        heading: "A shop: catalog, carts and sessions",
        steps: [
            the_tables(),
            the_catalog(),
            the_cost(),
            a_cart(),
            the_stock(),
            the_checkout(),
            a_session(),
            the_tags(),
            more_throughput(),
            the_end_of_a_table(),
        ]
        .concat(),
    }
}

fn sku(sku: &str) -> AttributeMap {
    item([("sku", s(sku))])
}

fn lamp() -> AttributeMap {
    item([
        ("sku", s("lamp-1")),
        ("title", s("Desk lamp")),
        ("price_cents", n(3_990)),
        ("stock", n(12)),
        ("colours", strings(["black", "white"])),
        ("size_cm", map([("width", n(20)), ("height", n(45))])),
    ])
}

fn desk() -> AttributeMap {
    item([("sku", s("desk-7")), ("title", s("Oak desk")), ("price_cents", n(49_900)), ("stock", n(1))])
}

fn the_tables() -> Vec<Step> {
    let text = ScalarAttributeType::String;
    steps(
        "Three tables: throughput set in advance, on demand, and one whose key has two attributes",
        [
            expect(
                provisioned(create_table(CATALOG, [("sku", text)]), THROUGHPUT),
                table_with(CATALOG, TableStatus::Creating, 0, THROUGHPUT),
            ),
            expect(
                create_table(CART, [("customer", text), ("sku", text)]),
                table(CART, TableStatus::Creating, 0),
            ),
            expect(create_table(SESSIONS, [("id", text)]), table(SESSIONS, TableStatus::Creating, 0)),
            expect(await_active(CATALOG), table_with(CATALOG, TableStatus::Active, 0, THROUGHPUT)),
            expect(await_active(CART), table(CART, TableStatus::Active, 0)),
            expect(await_active(SESSIONS), table(SESSIONS, TableStatus::Active, 0)),
            expect(
                create_table(CART, [("customer", text)]),
                refused(Code::AlreadyExists, ErrorReason::ResourceInUse),
            ),
            expect(ListTablesRequest::default(), table_names([CART, CATALOG, "course", SESSIONS])),
        ],
    )
}

fn the_catalog() -> Vec<Step> {
    let asked_for = item([("title", s("Desk lamp")), ("size_cm", map([("height", n(45))]))]);
    steps(
        "Attributes hold numbers, sets, lists and maps; a read can ask for some of them",
        [
            expect(put(CATALOG, &lamp()), written()),
            expect(put(CATALOG, &desk()), written()),
            expect(get(CATALOG, &sku("lamp-1")), found(&lamp())),
            expect(
                GetItemRequest {
                    projection_expression: Some("title, size_cm.height".to_owned()),
                    ..get(CATALOG, &sku("lamp-1"))
                },
                found(&asked_for),
            ),
            expect(
                update(CATALOG, &sku("lamp-1"), "ADD colours :new DELETE colours :old")
                    .value(":new", &strings(["green"]))
                    .value(":old", &strings(["white"])),
                refused(Code::InvalidArgument, ErrorReason::Validation),
            ),
            expect(
                update(CATALOG, &sku("lamp-1"), "ADD colours :new")
                    .value(":new", &strings(["green", "white"]))
                    .returning(ReturnValues::UpdatedNew),
                wrote(&item([("colours", strings(["black", "green", "white"]))])),
            ),
        ],
    )
}

fn the_cost() -> Vec<Step> {
    let eventual = |request| GetItemRequest { read_consistency: ReadConsistency::Eventual.into(), ..request };
    steps(
        "What a call costs is told on request: a strong read is worth two eventual ones",
        [
            expect(put(CATALOG, &desk()).with_cost(), at_cost(written(), 1.0)),
            expect(get(CATALOG, &sku("desk-7")).with_cost(), at_cost(found(&desk()), 1.0)),
            expect(eventual(get(CATALOG, &sku("desk-7"))).with_cost(), at_cost(found(&desk()), 0.5)),
        ],
    )
}

/// The key of a line of Ada's cart.
fn key(of: &str) -> AttributeMap {
    item([("customer", s("ada")), ("sku", s(of))])
}

/// A line of Ada's cart.
fn line(of: &str, quantity: i64) -> AttributeMap {
    let mut line = key(of);
    line.insert("quantity".to_owned(), n(quantity));
    line
}

fn a_cart() -> Vec<Step> {
    steps(
        "A cart has an item for each of its lines, together under their customer",
        [
            expect(put(CART, &line("lamp-1", 1)), written()),
            expect(put(CART, &line("desk-7", 1)), written()),
            expect(
                update(CART, &key("lamp-1"), "ADD quantity :more")
                    .value(":more", &n(2))
                    .returning(ReturnValues::UpdatedNew),
                wrote(&item([("quantity", n(3))])),
            ),
            expect(get(CART, &key("lamp-1")), found(&line("lamp-1", 3))),
            expect(
                get(CART, &item([("customer", s("ada"))])),
                refused(Code::InvalidArgument, ErrorReason::Validation),
            ),
            expect(
                delete(CART, &key("lamp-1")).only_if("quantity < :few").value(":few", &n(2)),
                condition_failed(None),
            ),
        ],
    )
}

fn the_stock() -> Vec<Step> {
    let sell_a_desk = || {
        update(CATALOG, &sku("desk-7"), "SET stock = stock - :one")
            .only_if("stock >= :one")
            .value(":one", &n(1))
            .returning(ReturnValues::UpdatedNew)
            .showing_failure()
    };
    let mut sold_out = desk();
    sold_out.insert("stock".to_owned(), n(0));
    steps(
        "The last desk is sold once",
        [
            expect(sell_a_desk(), wrote(&item([("stock", n(0))]))),
            expect(sell_a_desk(), condition_failed(Some(&sold_out))),
        ],
    )
}

/// Takes a line of the cart off the stock and makes an order of it.
fn check_out(of: &str, quantity: i64, order: &AttributeMap) -> TransactWriteItemsRequest {
    transact([
        update(CATALOG, &sku(of), "SET stock = stock - :n")
            .only_if("stock >= :n")
            .value(":n", &n(quantity))
            .in_transaction(),
        delete(CART, &key(of)).only_if("attribute_exists(sku)").in_transaction(),
        put(ORDERS, order).only_if("attribute_not_exists(id)").in_transaction(),
    ])
}

fn the_checkout() -> Vec<Step> {
    let id = |of: &str| item([("id", s(of))]);
    let order = |id: &str, of: &str, quantity| {
        let mut order = line(of, quantity);
        order.insert("id".to_owned(), s(id));
        order
    };
    let stock = |of: &str| GetItemRequest {
        projection_expression: Some("stock".to_owned()),
        ..get(CATALOG, &sku(of))
    };
    let left = |count| found(&item([("stock", n(count))]));
    let lamps = order("ada-1", "lamp-1", 3);
    let a_desk = order("ada-2", "desk-7", 1);
    steps(
        "A checkout is one transaction: stock, cart and order change together, or none of them does",
        [
            expect(
                create_table(ORDERS, [("id", ScalarAttributeType::String)]),
                table(ORDERS, TableStatus::Creating, 0),
            ),
            expect(await_active(ORDERS), table(ORDERS, TableStatus::Active, 0)),
            expect(check_out("lamp-1", 3, &lamps), committed()),
            expect(stock("lamp-1"), left(9)),
            expect(get(CART, &key("lamp-1")), nothing()),
            expect(get(ORDERS, &id("ada-1")), found(&lamps)),
            expect(
                check_out("desk-7", 1, &a_desk),
                cancelled([
                    CancellationCode::ConditionalCheckFailed,
                    CancellationCode::None,
                    CancellationCode::None,
                ]),
            ),
            expect(stock("desk-7"), left(0)),
            expect(get(CART, &key("desk-7")), found(&line("desk-7", 1))),
            expect(get(ORDERS, &id("ada-2")), nothing()),
        ],
    )
}

fn a_session() -> Vec<Step> {
    let id = item([("id", s("9f2c"))]);
    let session = |pages, expires_at| {
        item([
            ("id", s("9f2c")),
            ("customer", s("ada")),
            ("pages", pages),
            ("expires_at", n(expires_at)),
            ("signed_in", flag(true)),
        ])
    };
    let first = session(list([s("/")]), 1_700_000_900);
    let second = session(list([s("/"), s("/lamps")]), 1_700_001_800);
    steps(
        "A session grows as its customer walks about, and ends",
        [
            expect(put(SESSIONS, &first).only_if("attribute_not_exists(id)"), written()),
            expect(
                update(
                    SESSIONS,
                    &id,
                    "SET pages = list_append(pages, :page), expires_at = expires_at + :longer",
                )
                .only_if("signed_in = :yes AND size(pages) < :many")
                .value(":page", &list([s("/lamps")]))
                .value(":longer", &n(900))
                .value(":yes", &flag(true))
                .value(":many", &n(100))
                .returning(ReturnValues::AllNew),
                wrote(&second),
            ),
            expect(delete(SESSIONS, &id).returning(ReturnValues::AllOld), wrote(&second)),
            expect(get(SESSIONS, &id), nothing()),
        ],
    )
}

fn the_tags() -> Vec<Step> {
    steps(
        "Tags label a table",
        [
            expect(tag(CATALOG, [("team", "shop"), ("stage", "demo")]), tags_changed()),
            expect(list_tags(CATALOG), tags([("stage", "demo"), ("team", "shop")])),
            expect(untag(CATALOG, ["stage"]), tags_changed()),
            expect(list_tags(CATALOG), tags([("team", "shop")])),
        ],
    )
}

fn more_throughput() -> Vec<Step> {
    steps(
        "Throughput is changed while the table serves",
        [
            expect(
                update_throughput(CATALOG, MORE_THROUGHPUT),
                table_with(CATALOG, TableStatus::Updating, 2, THROUGHPUT),
            ),
            expect(await_active(CATALOG), table_with(CATALOG, TableStatus::Active, 2, MORE_THROUGHPUT)),
        ],
    )
}

fn the_end_of_a_table() -> Vec<Step> {
    steps(
        "A table is deleted, and its name is free",
        [
            expect(delete_table(SESSIONS), table(SESSIONS, TableStatus::Deleting, 0)),
            expect(await_gone(SESSIONS), refused(Code::NotFound, ErrorReason::ResourceNotFound)),
            expect(ListTablesRequest::default(), table_names([CART, CATALOG, "course", ORDERS])),
        ],
    )
}
