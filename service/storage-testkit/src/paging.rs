//! The promise that pagination rests on: a range walked in pages is the range walked at once.

use crate::Subject;
use crate::harness::{
    Collect, ITEMS, Record, bytes, commit, for_all, item, put, scan, store_with_spaces, strong, within,
};
use cairn_storage::{Direction, Engine, KeyRange, Snapshot};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Records, a range, a direction and a page size.
#[derive(Clone, Debug)]
struct Case {
    records: BTreeMap<Vec<u8>, u8>,
    start: Bound<Vec<u8>>,
    end: Bound<Vec<u8>>,
    direction: Direction,
    page: usize,
}

/// Walking a range in pages, each from after the last key of the one before, finds what one scan finds, and what an
/// ordered map of the records holds.
pub async fn pages_put_together_are_the_range<S: Subject>(subject: S) {
    let (store, engine) = store_with_spaces(&subject).await;
    for_all(cases, move |case| {
        let engine = engine.clone();
        async move {
            engine.drop_space(ITEMS).await.unwrap();
            engine.create_space(ITEMS).await.unwrap();
            check(&engine, case).await;
        }
    })
    .await;
    drop(store);
}

async fn check<E: Engine>(engine: &E, case: Case) {
    let puts = case.records.iter().map(|(key, value)| put(item(key), [*value]));
    commit(engine, puts.collect()).await.unwrap();
    let snapshot = strong(engine).await;

    let range = KeyRange { start: case.start.clone().map(bytes), end: case.end.clone().map(bytes) };
    let mut expected: Vec<Record> = case
        .records
        .iter()
        .map(|(key, value)| (bytes(key), bytes([*value])))
        .filter(|(key, _)| within(&range, key))
        .collect();
    if case.direction == Direction::Descending {
        expected.reverse();
    }
    assert_eq!(scan(&snapshot, ITEMS, range.clone(), case.direction).await.unwrap(), expected);

    let mut paged = Vec::new();
    let mut rest = range;
    loop {
        let visitor = Collect::at_most(case.page);
        let page = snapshot.scan(ITEMS, rest.clone(), case.direction, visitor).await.unwrap().records;
        let Some((last, _)) = page.last().cloned() else { break };
        match case.direction {
            Direction::Ascending => rest.start = Bound::Excluded(last),
            Direction::Descending => rest.end = Bound::Excluded(last),
        }
        paged.extend(page);
        assert!(paged.len() <= expected.len(), "the pages repeat records");
    }
    assert_eq!(paged, expected);
}

fn cases() -> BoxedStrategy<Case> {
    let bound = prop_oneof![
        3 => key().prop_map(Bound::Included),
        3 => key().prop_map(Bound::Excluded),
        2 => Just(Bound::Unbounded),
    ];
    let direction = prop_oneof![Just(Direction::Ascending), Just(Direction::Descending)];
    (btree_map(key(), any::<u8>(), 0..60), bound.clone(), bound, direction, 1..12_usize)
        .prop_map(|(records, start, end, direction, page)| Case { records, start, end, direction, page })
        .boxed()
}

/// Short keys of few bytes, so that many are prefixes of others and bounds often hit one.
fn key() -> impl Strategy<Value = Vec<u8>> + Clone {
    vec(prop_oneof![Just(0), Just(1), Just(b'a'), Just(0xfe), Just(0xff)], 1..5)
}
