//! The parameters from before there were expressions, which the SDK still has.

use crate::support::{at, client, create_table, item, n, s, world};
use aws_sdk_dynamodb::types::{
    AttributeAction, AttributeValueUpdate, ComparisonOperator, Condition, ExpectedAttributeValue, ReturnValue,
};

#[tokio::test(flavor = "multi_thread")]
async fn parameters_from_before_expressions_mean_what_they_meant() {
    let world = world().await;
    let client = client(&world);
    create_table(&client, "Course").await;
    for (sk, v) in [("1", 1), ("2", 2), ("3", 3)] {
        let put = client.put_item().table_name("Course").set_item(Some(item("a", sk, [("v", n(v))])));
        put.expected("pk", ExpectedAttributeValue::builder().exists(false).build()).send().await.unwrap();
    }

    let put = client.put_item().table_name("Course").set_item(Some(at("a", "1")));
    let expected = ExpectedAttributeValue::builder().value(n(7)).build();
    let error = put.expected("v", expected).send().await.unwrap_err().into_service_error();
    assert!(error.is_conditional_check_failed_exception(), "{error:?}");

    let add = AttributeValueUpdate::builder().action(AttributeAction::Add).value(n(10)).build();
    let update =
        client.update_item().table_name("Course").set_key(Some(at("a", "3"))).attribute_updates("v", add);
    let answer = update.return_values(ReturnValue::AllNew).send().await.unwrap();
    assert_eq!(answer.attributes, Some(item("a", "3", [("v", n(13))])));

    let condition = |operator, value| {
        Condition::builder().comparison_operator(operator).attribute_value_list(value).build().unwrap()
    };
    let query = client.query().table_name("Course");
    let query = query.key_conditions("pk", condition(ComparisonOperator::Eq, s("a")));
    let query = query.key_conditions("sk", condition(ComparisonOperator::Ge, s("2")));
    let query = query.query_filter("v", condition(ComparisonOperator::Lt, n(10)));
    let answer = query.attributes_to_get("sk").send().await.unwrap();
    let found: Vec<_> = answer.items().iter().map(|item| item["sk"].as_s().unwrap().as_str()).collect();
    assert_eq!((found, answer.scanned_count()), (vec!["2"], 2));
    world.stop().await.unwrap();
}
