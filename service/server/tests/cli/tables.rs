//! `cairn table`.

use crate::harness::TestServer;
use expect_test::expect;
use serde_json::{Value, json};

#[test]
fn the_expiry_of_items_is_turned_on_and_told() {
    let server = TestServer::start();
    let create = ["table", "create", "Sessions", "--partition-key", "Id:S", "--wait"];
    server.cairn(&create).succeeds();
    let off = server.cairn(&["table", "ttl", "describe", "Sessions"]).json();
    assert_eq!(off, json!({"TimeToLiveStatus": "DISABLED"}));
    let on = server.cairn(&["table", "ttl", "enable", "Sessions", "ExpiresAt"]).json();
    assert_eq!(on["AttributeName"], "ExpiresAt");
    let again = server.cairn(&["table", "ttl", "enable", "Sessions", "ExpiresAt"]).fails(1);
    assert!(again.contains("TimeToLive is already enabled"), "{again}");
    let soon = server.cairn(&["table", "ttl", "disable", "Sessions", "ExpiresAt"]).fails(1);
    assert!(soon.contains("modified multiple times within a fixed interval"), "{soon}");
}

#[test]
fn a_table_lives_from_create_to_delete() {
    let server = TestServer::start();
    assert_eq!(server.cairn(&["table", "list"]).json(), json!([]));
    let created = server
        .cairn(&[
            "table",
            "create",
            "Orders",
            "--partition-key",
            "Customer:S",
            "--sort-key",
            "When:N",
            "--wait",
        ])
        .json();
    assert_eq!(created["TableStatus"], "ACTIVE");
    assert_eq!(created["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(
        created["KeySchema"],
        json!([
            {"AttributeName": "Customer", "KeyType": "HASH"},
            {"AttributeName": "When", "KeyType": "RANGE"},
        ])
    );
    assert_eq!(
        created["AttributeDefinitions"],
        json!([
            {"AttributeName": "Customer", "AttributeType": "S"},
            {"AttributeName": "When", "AttributeType": "N"},
        ])
    );
    assert_eq!(server.cairn(&["table", "describe", "Orders"]).json(), created);
    assert_eq!(server.cairn(&["table", "list"]).json(), json!(["Orders"]));
    server.cairn(&["item", "put", "Orders", r#"{"Customer":"ada","When":1}"#]).succeeds();
    assert_eq!(server.cairn(&["table", "delete", "Orders", "--wait"]).succeeds(), "");
    assert_eq!(server.cairn(&["table", "list"]).json(), json!([]));
    assert_eq!(
        server.cairn(&["table", "describe", "Orders"]).fails(1),
        "cairn: NOT_FOUND: Requested resource not found: Table: Orders not found\n"
    );
}

#[test]
fn a_table_with_throughput_is_provisioned_and_can_be_changed() {
    let server = TestServer::start();
    let create =
        ["table", "create", "Sensors", "--partition-key", "Id:B", "--read", "5", "--write", "10", "--wait"];
    let created = server
        .cairn(
            &[&create[..], &["--table-class", "standard-infrequent-access", "--deletion-protection"]]
                .concat(),
        )
        .json();
    let units = |table: &Value| {
        let throughput = &table["ProvisionedThroughput"];
        (throughput["ReadCapacityUnits"].clone(), throughput["WriteCapacityUnits"].clone())
    };
    assert_eq!(units(&created), (json!(5), json!(10)));
    assert_eq!(created["BillingModeSummary"], Value::Null);
    assert_eq!(created["TableClassSummary"]["TableClass"], "STANDARD_INFREQUENT_ACCESS");
    assert_eq!(created["DeletionProtectionEnabled"], true);

    let stderr = server.cairn(&["table", "delete", "Sensors"]).fails(1);
    assert!(stderr.starts_with("cairn: FAILED_PRECONDITION: "), "{stderr}");

    let updated =
        server.cairn(&["table", "update", "Sensors", "--read", "6", "--write", "10", "--wait"]).json();
    assert_eq!(updated["TableStatus"], "ACTIVE");
    assert_eq!(units(&updated), (json!(6), json!(10)));
    assert_eq!(updated["DeletionProtectionEnabled"], true);
}

#[test]
fn what_the_server_refuses_is_told_with_its_code_and_field() {
    let server = TestServer::with_orders();
    assert_eq!(
        server.cairn(&["table", "create", "Orders", "--partition-key", "Id:N"]).fails(1),
        "cairn: ALREADY_EXISTS: Table already exists: Orders\n"
    );
    assert_eq!(
        server.cairn(&["table", "create", "x", "--partition-key", "Id:N"]).fails(1),
        "cairn: INVALID_ARGUMENT: 1 validation error detected: Value 'x' at 'tableName' failed to satisfy constraint: \
         Member must have length greater than or equal to 3 (field table)\n"
    );
}

#[test]
fn tags_are_put_on_by_name_or_arn_and_taken_off() {
    let server = TestServer::start();
    let create =
        ["table", "create", "Orders", "--partition-key", "Id:N", "--tag", "team=sales", "--tag", "empty="];
    let created = server.cairn(&[&create[..], &["--wait"]].concat()).json();
    let arn = created["TableArn"].as_str().unwrap();
    assert_eq!(
        server.cairn(&["table", "tags", "Orders"]).succeeds(),
        "{\"empty\":\"\",\"team\":\"sales\"}\n"
    );
    assert_eq!(server.cairn(&["table", "tag", arn, "stage=a=b", "team=lab"]).succeeds(), "");
    assert_eq!(server.cairn(&["table", "untag", "Orders", "empty", "unknown"]).succeeds(), "");
    assert_eq!(server.cairn(&["table", "tags", arn]).json(), json!({"stage": "a=b", "team": "lab"}));
    assert_eq!(
        server.cairn(&["table", "tag", "Nothing", "a=b"]).fails(1),
        "cairn: NOT_FOUND: Requested resource not found: Table: Nothing not found\n"
    );
}

#[test]
fn tables_are_shown_to_people_as_tables() {
    let server = TestServer::with_orders();
    let described = server.cairn(&["table", "describe", "Orders"]).json();
    let text = |member: &str| described[member].as_str().unwrap();
    let (created_at, _) = text("CreationDateTime").split_once('.').unwrap();
    let shown = server
        .cairn(&["table", "describe", "Orders", "--output", "table"])
        .succeeds()
        .replace(text("TableId"), "00000000-0000-0000-0000-000000000000")
        .replace(created_at, "2000-01-01T00:00:00");
    expect![[r#"
        ┌─────────────────────┬──────────────────────────────────────────────────┐
        │ Name                ┆ Orders                                           │
        │ ARN                 ┆ arn:aws:dynamodb:local:000000000000:table/Orders │
        │ Id                  ┆ 00000000-0000-0000-0000-000000000000             │
        │ Status              ┆ ACTIVE                                           │
        │ Created             ┆ 2000-01-01T00:00:00Z                             │
        │ Partition key       ┆ Customer (S)                                     │
        │ Sort key            ┆ When (N)                                         │
        │ Capacity            ┆ on demand                                        │
        │ Items               ┆ 0                                                │
        │ Size                ┆ 0 bytes                                          │
        │ Deletion protection ┆ off                                              │
        └─────────────────────┴──────────────────────────────────────────────────┘
    "#]]
    .assert_eq(&shown);

    expect![[r#"
        ┌────────┐
        │ Table  │
        ╞════════╡
        │ Orders │
        └────────┘
    "#]]
    .assert_eq(&server.cairn(&["table", "list", "--output", "table"]).succeeds());

    server.cairn(&["table", "tag", "Orders", "team=sales", "colour=red"]).succeeds();
    expect![[r#"
        ┌────────┬───────┐
        │ Key    ┆ Value │
        ╞════════╪═══════╡
        │ colour ┆ red   │
        │ team   ┆ sales │
        └────────┴───────┘
    "#]]
    .assert_eq(&server.cairn(&["table", "tags", "Orders", "--output", "table"]).succeeds());
}

#[test]
fn limits_of_throughput_are_shown_set_and_removed() {
    let server = TestServer::start();
    assert_eq!(
        server.cairn(&["table", "limits"]).json(),
        json!({
            "AccountMaxReadCapacityUnits": 80_000,
            "AccountMaxWriteCapacityUnits": 80_000,
            "TableMaxReadCapacityUnits": 40_000,
            "TableMaxWriteCapacityUnits": 40_000,
            "CapacityLimits": "provisioned",
        })
    );
    let create = ["table", "create", "Orders", "--partition-key", "Id:S", "--max-write", "5", "--wait"];
    let created = server.cairn(&[&create[..], &["--warm-read", "13000"]].concat()).json();
    assert_eq!(created["OnDemandThroughput"], json!({"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": 5}));
    assert_eq!(
        created["WarmThroughput"],
        json!({"ReadUnitsPerSecond": 13_000, "WriteUnitsPerSecond": 4_000, "Status": "ACTIVE"})
    );
    let shown = server.cairn(&["table", "describe", "Orders", "--output", "table"]).succeeds();
    assert!(shown.contains("on demand, at most any read and 5 write units a second"), "{shown}");
    let removed = server.cairn(&["table", "update", "Orders", "--max-write", "-1", "--wait"]).json();
    assert_eq!(removed["OnDemandThroughput"], Value::Null);
}
