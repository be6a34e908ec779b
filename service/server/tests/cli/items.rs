//! `cairn item`.

use crate::harness::TestServer;
use expect_test::expect;
use serde_json::json;
use std::io::Write;

const KEY: &str = r#"{"Customer":"ada","When":20}"#;

#[test]
fn an_item_is_put_got_and_deleted() {
    let server = TestServer::with_orders();
    let item = r#"{"Customer":"ada","Lines":[{"count":2,"sku":"A1"}],"Paid":false,"When":20,"note":null}"#;
    assert_eq!(server.cairn(&["item", "put", "Orders", item]).succeeds(), "");
    assert_eq!(server.cairn(&["item", "get", "Orders", KEY]).succeeds(), format!("{item}\n"));
    let replaced = server.cairn(&["item", "put", "Orders", KEY, "--return", "all-old"]).succeeds();
    assert_eq!(replaced, format!("{item}\n"));
    let deleted = ["item", "delete", "Orders", KEY, "--return", "all-old"];
    assert_eq!(server.cairn(&deleted).succeeds(), format!("{KEY}\n"));
    assert_eq!(server.cairn(&deleted).succeeds(), "null\n");
}

#[test]
fn an_item_that_is_not_there_is_null_and_a_failure() {
    let server = TestServer::with_orders();
    let ran = server.cairn(&["item", "get", "Orders", KEY]);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, "null\n"));
    assert_eq!(ran.stderr, "cairn: there is no item with this key\n");
    let stderr = server.cairn(&["item", "get", "Orders", KEY, "--output", "table"]).fails(1);
    assert_eq!(stderr, "cairn: there is no item with this key\n");
}

#[test]
fn every_type_passes_through_in_typed_json() {
    let server = TestServer::with_orders();
    let item = json!({
        "Customer": {"S": "ada"},
        "When": {"N": "20"},
        "b": {"B": "AAH/"},
        "bool": {"BOOL": true},
        "bs": {"BS": ["AA==", "/w=="]},
        "list": {"L": [{"NULL": true}, {"M": {"inner": {"S": ""}}}]},
        "n": {"N": "12345678901234567890123456789012345678"},
        "ns": {"NS": ["-1", "2.5"]},
        "ss": {"SS": ["a", "b"]},
    });
    server.cairn(&["item", "put", "Orders", &item.to_string(), "--json", "dynamodb"]).succeeds();
    let key = r#"{"Customer":{"S":"ada"},"When":{"N":"2e1"}}"#;
    assert_eq!(server.cairn(&["item", "get", "Orders", key, "--json", "dynamodb"]).json(), item);
    let plain = server.cairn(&["item", "get", "Orders", KEY]).succeeds();
    assert_eq!(
        plain,
        "{\"Customer\":\"ada\",\"When\":20,\"b\":\"AAH/\",\"bool\":true,\"bs\":[\"AA==\",\"/w==\"],\
         \"list\":[null,{\"inner\":\"\"}],\"n\":12345678901234567890123456789012345678,\"ns\":[-1,2.5],\
         \"ss\":[\"a\",\"b\"]}\n"
    );
}

#[test]
fn items_are_read_from_standard_input_line_by_line() {
    let server = TestServer::with_orders();
    let input = "{\"Customer\":\"ada\",\"When\":1}\n{\"Customer\":\"ada\",\"When\":2}\n";
    let ran = server.cairn_with_input(&["item", "put", "Orders", "-"], input);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, "2 items written\n"));
    let key = server.cairn_with_input(&["item", "get", "Orders", "-"], "{\"Customer\":\"ada\",\n\"When\":2}");
    assert_eq!(key.json(), json!({"Customer": "ada", "When": 2}));
}

#[test]
fn items_are_read_from_a_file_up_to_the_first_that_is_wrong() {
    let server = TestServer::with_orders();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(
        b"{\"Customer\":\"ada\",\"When\":1}\n\n{\"Customer\":\n\"ada\"}\n{\"Customer\":\"ada\",\"When\":3}\n",
    )
    .unwrap();
    let path = file.path().display().to_string();
    let stderr = server.cairn(&["item", "put", "Orders", &format!("@{path}")]).fails(1);
    assert_eq!(
        stderr,
        format!(
            "1 item written\n\
             cairn: ITEM on line 3 of {path}: INVALID_ARGUMENT: One or more parameter values were invalid: \
             Missing the key When in the item (field item[\"When\"])\n\
             The key of Orders is Customer (S) and When (N).\n"
        )
    );
    let get = |when: u8| {
        let key = format!(r#"{{"Customer":"ada","When":{when}}}"#);
        server.cairn(&["item", "get", "Orders", &key]).status
    };
    assert_eq!((get(1), get(3)), (0, 1));
}

#[test]
fn input_without_items_is_a_failure() {
    let server = TestServer::with_orders();
    let put = |input| server.cairn_with_input(&["item", "put", "Orders", "-"], input).fails(1);
    assert_eq!(put(" \n"), "cairn: ITEM in standard input is empty: JSON is expected\n");
    assert_eq!(
        put("{\"Customer\":\"ada\",\"When\":1}\n{]\n"),
        "1 item written\ncairn: ITEM in standard input is not JSON: key must be a string at line 2 column 2\n"
    );
    assert_eq!(
        put("[1]"),
        "0 items written\ncairn: ITEM on line 1 of standard input cannot be used: \
         expected an object of attributes, found an array\n"
    );
}

#[test]
fn what_the_server_refuses_is_told_with_its_code_and_field() {
    let server = TestServer::with_orders();
    assert_eq!(
        server.cairn(&["item", "get", "Orders", r#"{"Customer":"ada"}"#]).fails(1),
        "cairn: INVALID_ARGUMENT: The provided key element does not match the schema (field key[\"When\"])\n\
         The key of Orders is Customer (S) and When (N).\n"
    );
    assert_eq!(
        server.cairn(&["item", "put", "Orders", r#"{"Customer":1,"When":1}"#]).fails(1),
        "cairn: INVALID_ARGUMENT: One or more parameter values were invalid: Type mismatch for key Customer \
         expected: S actual: N (field item[\"Customer\"])\n\
         The key of Orders is Customer (S) and When (N).\n"
    );
    assert_eq!(
        server.cairn(&["item", "get", "Nothing", KEY]).fails(1),
        "cairn: NOT_FOUND: Requested resource not found (Nothing)\n"
    );
}

#[test]
fn an_item_is_shown_to_people_with_its_key_first() {
    let server = TestServer::with_orders();
    let item = r#"{"Customer":"ada","When":20,"Amount":12.50,"Lines":[{"sku":"A\n1"}],"note":null,"text":"a\u001bb"}"#;
    server.cairn(&["item", "put", "Orders", item]).succeeds();
    let ran = server.cairn(&["item", "get", "Orders", KEY, "--output", "table", "--capacity", "indexes"]);
    assert_eq!(ran.stderr, "consumed 0.5 capacity units of Orders (table 0.5)\n");
    expect![[r#"
        ┌──────────┬──────┬────────┬──────────────────┬──────┬──────────┐
        │ Customer ┆ When ┆ Amount ┆ Lines            ┆ note ┆ text     │
        ╞══════════╪══════╪════════╪══════════════════╪══════╪══════════╡
        │ ada      ┆   20 ┆   12.5 ┆ [{"sku":"A\n1"}] ┆ null ┆ a\u{1b}b │
        └──────────┴──────┴────────┴──────────────────┴──────┴──────────┘
    "#]]
    .assert_eq(&ran.succeeds());
}

#[test]
fn an_item_is_updated_and_shown_in_part() {
    let server = TestServer::with_orders();
    let update = ["item", "update", "Orders", KEY, "--return", "updated-new"];
    let set =
        ["--update", "SET #s = :s, n = :n", "--name", "#s=Status", "--values", r#"{":s":"sent",":n":0.10}"#];
    let updated = server.cairn(&[&update[..], &set].concat()).succeeds();
    assert_eq!(updated, "{\"Status\":\"sent\",\"n\":0.1}\n");
    let removed = server.cairn(&[&update[..], &["--update", "REMOVE n"]].concat()).succeeds();
    assert_eq!(removed, "null\n");

    let get =
        |projection| server.cairn(&["item", "get", "Orders", KEY, "--projection", projection]).succeeds();
    assert_eq!(get("Customer"), "{\"Customer\":\"ada\"}\n");
    assert_eq!(get("n"), "{}\n");

    let stderr = server.cairn(&["item", "update", "Orders", KEY, "--update", "SET x = "]).fails(1);
    assert!(stderr.starts_with("cairn: INVALID_ARGUMENT: "), "{stderr}");
    assert!(stderr.ends_with(" (field update_expression)\n"), "{stderr}");
}

#[test]
fn a_write_whose_condition_is_false_fails_and_can_show_what_is_there() {
    let server = TestServer::with_orders();
    let put = ["item", "put", "Orders", KEY, "--condition", "attribute_not_exists(Customer)"];
    server.cairn(&put).succeeds();
    assert_eq!(server.cairn(&put).fails(1), "cairn: FAILED_PRECONDITION: The conditional request failed\n");
    let ran = server.cairn(&[&put[..], &["--return-on-failure"]].concat());
    assert_eq!((ran.status, ran.stdout), (1, format!("{KEY}\n")));

    let delete = ["item", "delete", "Orders", KEY, "--condition", "attribute_exists(Paid)"];
    assert_eq!(server.cairn(&delete).status, 1);
    server.cairn(&["item", "get", "Orders", KEY]).succeeds();
}

#[test]
fn a_key_of_another_table_is_refused_with_the_key_of_this_one() {
    let server = TestServer::with_orders();
    let hint = "\nThe key of Orders is Customer (S) and When (N).\n";
    for key in [r#"{"Id": 1}"#, r#"{"Customer": "ada"}"#, r#"{"Customer": 1, "When": 20}"#, "{}"] {
        for call in [&["get"][..], &["delete"], &["update"]] {
            let error = server.cairn(&[&["item"], call, &["Orders", key]].concat()).fails(1);
            assert!(
                error.starts_with("cairn: INVALID_ARGUMENT: ") && error.ends_with(hint),
                "{key}: {error}"
            );
        }
    }
    for item in [r#"{"Id": 1}"#, r#"{"Customer": "ada", "When": "20"}"#] {
        let error = server.cairn(&["item", "put", "Orders", item]).fails(1);
        assert!(error.ends_with(hint), "{item}: {error}");
    }
    // What has the key is refused for something else.
    let key = r#"{"Customer": "ada", "When": 20}"#;
    let error = server.cairn(&["item", "get", "Orders", key, "--projection", "a b"]).fails(1);
    assert!(error.starts_with("cairn: INVALID_ARGUMENT: ") && !error.contains("The key of"), "{error}");
}

#[test]
fn typed_json_that_is_read_as_plain_json_is_told() {
    let server = TestServer::with_orders();
    let typed = r#"{"Customer": {"S": "ada"}, "When": {"N": "20"}}"#;
    let looks =
        "looks like DynamoDB's typed JSON, but is read as plain JSON: give --json dynamodb if it is typed\n";
    for (name, args) in
        [("ITEM", &["item", "put", "Orders", typed][..]), ("KEY", &["item", "get", "Orders", typed])]
    {
        let error = server.cairn(args).fails(1);
        assert!(error.starts_with(&format!("cairn: {name} {looks}")), "{error}");
        let ran = server.cairn(&[args, &["--json", "dynamodb"]].concat());
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    }
    let key = r#"{"Customer": "ada", "When": 20}"#;
    let update = ["item", "update", "Orders", key, "--update", "SET a = :a"];
    let updated = |values| server.cairn(&[&update[..], &["--values", values]].concat());
    assert_eq!(updated(r#"{":a": {"S": "x"}}"#).stderr, format!("cairn: --values {looks}"));
    // Maps whose members are called otherwise, or hold something else, are maps.
    for values in
        [r#"{":a": {"S": 5}}"#, r#"{":a": {"S": "x", "N": "5"}}"#, r#"{":a": {"T": "x"}}"#, r#"{":a": {}}"#]
    {
        let ran = updated(values);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{values}");
    }
}
