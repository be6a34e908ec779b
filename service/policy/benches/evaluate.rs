//! What it costs to answer a question from 100 policies of 10 statements each: all of one service on distinct tables,
//! with wildcards, and with conditions; for an (action, resource) asked before and for one never asked.

// A benchmark of broken policies has nothing to measure.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::hint::black_box;

use cairn_policy::{
    Context, ContextValue, Policy, PolicyKind, PolicySet, PrincipalFacts, Question, evaluate,
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const ACCOUNT: &str = "111122223333";
const POLICIES: usize = 100;
const STATEMENTS: usize = 10;

struct Keys;

impl Context for Keys {
    fn get(&self, key: &str) -> Option<ContextValue<'_>> {
        Some(match key {
            "aws:username" => ContextValue::One("bob".into()),
            "aws:sourceip" => ContextValue::One("10.1.2.3".into()),
            "aws:securetransport" => ContextValue::One("true".into()),
            "dynamodb:leadingkeys" => ContextValue::Many(vec!["bob".into()]),
            "dynamodb:attributes" => ContextValue::Many(vec!["id".into(), "name".into(), "total".into()]),
            _ => return None,
        })
    }
}

fn table(number: usize) -> String {
    format!("arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/orders-{number}")
}

/// The resources of a statement about a table.
fn table_and_indexes(number: usize) -> String {
    format!(r#"["{0}","{0}/index/*"]"#, table(number))
}

/// 100 policies of 10 statements, each written from its number.
fn set(statement: impl Fn(usize) -> String) -> PolicySet {
    let policy = |policy: usize| {
        let statements: Vec<String> =
            (0..STATEMENTS).map(|number| statement(policy * STATEMENTS + number)).collect();
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
        let parsed = Policy::parse(&text, PolicyKind::InlineRole).expect("a policy");
        (format!("policy-{policy}").into(), parsed)
    };
    PolicySet::new((0..POLICIES).map(policy).collect(), None, None)
}

fn on_distinct_tables() -> PolicySet {
    set(|number| {
        format!(r#"{{"Effect":"Allow","Action":"dynamodb:*","Resource":{}}}"#, table_and_indexes(number))
    })
}

fn with_wildcards() -> PolicySet {
    set(|number| {
        format!(
            r#"{{"Effect":"Allow","Action":["dynamodb:Get*","dynamodb:*Item"],"Resource":["arn:aws:dynamodb:*:{ACCOUNT}:table/*-{number}","arn:aws:dynamodb:*:{ACCOUNT}:table/*-{number}/index/*"]}}"#
        )
    })
}

fn with_conditions() -> PolicySet {
    set(|number| {
        format!(
            r#"{{"Effect":"Allow","Action":"dynamodb:*","Resource":{},"Condition":{{"ForAllValues:StringEquals":{{"dynamodb:LeadingKeys":"${{aws:username}}","dynamodb:Attributes":["id","name","total"]}},"IpAddress":{{"aws:SourceIp":"10.0.0.0/8"}}}}}}"#,
            table_and_indexes(number)
        )
    })
}

/// Every one of the 1,000 statements is about the table and has a condition; only the last one's holds.
fn with_a_thousand_conditions_on_one_table() -> PolicySet {
    set(|number| {
        let user =
            if number + 1 == POLICIES * STATEMENTS { "bob".to_owned() } else { format!("user-{number}") };
        format!(
            r#"{{"Effect":"Allow","Action":"dynamodb:*","Resource":{},"Condition":{{"StringEquals":{{"aws:username":"{user}"}}}}}}"#,
            table_and_indexes(500)
        )
    })
}

fn question<'a>(principal: &'a PrincipalFacts, resource: &'a str) -> Question<'a> {
    let action = "dynamodb:GetItem";
    Question { principal, action, resource, resource_account: ACCOUNT, context: &Keys }
}

fn bench(criterion: &mut Criterion) {
    let principal = PrincipalFacts {
        arn: format!("arn:aws:iam::{ACCOUNT}:user/bob"),
        account: ACCOUNT.to_owned(),
        ..PrincipalFacts::default()
    };
    let tables: Vec<String> = (0..POLICIES * STATEMENTS).map(table).collect();
    let resource = table(500);
    for (name, make) in [
        ("distinct tables", on_distinct_tables as fn() -> PolicySet),
        ("wildcards", with_wildcards),
        ("conditions", with_conditions),
        ("1,000 conditions on one table", with_a_thousand_conditions_on_one_table),
    ] {
        let set = make();
        assert!(evaluate(&question(&principal, &resource), &set, None).is_allowed(), "{name}");
        criterion.bench_function(&format!("evaluate/{name}/warm"), |bencher| {
            bencher.iter(|| evaluate(black_box(&question(&principal, &resource)), &set, None));
        });
        // A fresh index each time, so that nothing is remembered of it.
        let mut number = 0_u64;
        criterion.bench_function(&format!("evaluate/{name}/cold"), |bencher| {
            bencher.iter_batched(
                || {
                    number += 1;
                    format!("{resource}/index/i{number}")
                },
                |resource| evaluate(black_box(&question(&principal, &resource)), &set, None),
                BatchSize::SmallInput,
            );
        });
    }

    let set = on_distinct_tables();
    criterion.bench_function("evaluate/distinct tables/warm, 400 tables in turn", |bencher| {
        let mut resources = tables.iter().take(400).cycle();
        bencher.iter(|| evaluate(black_box(&question(&principal, resources.next().unwrap())), &set, None));
    });
    criterion.bench_function("needs", |bencher| {
        let set = with_conditions();
        bencher.iter(|| set.needs(black_box("dynamodb:GetItem")));
    });
    criterion.bench_function("parse a policy of 10 statements", |bencher| {
        let text = with_conditions().identity().first().unwrap().1.text().to_owned();
        bencher.iter(|| Policy::parse(black_box(&text), PolicyKind::InlineRole));
    });
    criterion.bench_function("make a set of 100 policies", |bencher| {
        let set = on_distinct_tables();
        bencher.iter_batched(
            || set.identity().to_vec(),
            |identity| PolicySet::new(identity, None, None),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
