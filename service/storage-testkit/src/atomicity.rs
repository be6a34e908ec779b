//! Promises about one commit: all of its writes, in their order, in whatever spaces, or none.

use crate::Subject;
use crate::harness::{
    INDEXES, ITEMS, assert_error, bytes, commit, counter, entry, everything, get, item, put,
    store_with_spaces, strong, total,
};
use bytes::Bytes;
use cairn_storage::{Engine, Error, RecordKey, Snapshot, SpaceId, Write};

/// Writes to several spaces and counters arrive together.
pub async fn a_commit_spans_keys_spaces_and_counters<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let system = RecordKey::new(SpaceId::System, "s");
    let writes = vec![
        put(item("a"), "1"),
        put(item("b"), "2"),
        put(entry("a"), "3"),
        put(system.clone(), "4"),
        Write::Add(counter(ITEMS, 1), 2),
        Write::Add(counter(INDEXES, 1), 1),
    ];
    commit(&engine, writes).await.unwrap();
    let snapshot = strong(&engine).await;
    assert_eq!(everything(&snapshot, ITEMS).await, [(bytes("a"), bytes("1")), (bytes("b"), bytes("2"))]);
    assert_eq!(everything(&snapshot, INDEXES).await, [(bytes("a"), bytes("3"))]);
    assert_eq!(snapshot.get(&system).await.unwrap(), Some(bytes("4")));
    assert_eq!(snapshot.counter(counter(ITEMS, 1)).await.unwrap(), 2);
    assert_eq!(snapshot.counter(counter(INDEXES, 1)).await.unwrap(), 1);
}

/// One key in two spaces is two records.
pub async fn spaces_do_not_share_keys<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("k"), "item"), put(entry("k"), "entry")]).await.unwrap();
    commit(&engine, vec![Write::Delete(item("k"))]).await.unwrap();
    assert_eq!(get(&engine, &item("k")).await, None);
    assert_eq!(get(&engine, &entry("k")).await, Some(bytes("entry")));
}

/// A put replaces what was there; a delete removes it, and is no error where nothing was.
pub async fn puts_replace_and_deletes_remove<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("k"), "long first value")]).await.unwrap();
    commit(&engine, vec![put(item("k"), "2nd")]).await.unwrap();
    assert_eq!(get(&engine, &item("k")).await, Some(bytes("2nd")));
    commit(&engine, vec![Write::Delete(item("k")), Write::Delete(item("never there"))]).await.unwrap();
    assert_eq!(get(&engine, &item("k")).await, None);
    assert_eq!(everything(&strong(&engine).await, ITEMS).await, []);
}

/// Of several writes to one key in one commit the last stands, whether the key was there before or not.
pub async fn of_two_writes_to_one_key_the_later_stands<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    for before in [None, Some("before")] {
        let names = ["put put", "put delete", "delete put", "put delete put"];
        for name in names {
            commit(&engine, vec![before.map_or(Write::Delete(item(name)), |value| put(item(name), value))])
                .await
                .unwrap();
        }
        let writes = vec![
            put(item("put put"), "1"),
            put(item("put delete"), "1"),
            Write::Delete(item("delete put")),
            put(item("put delete put"), "1"),
            put(item("put put"), "2"),
            Write::Delete(item("put delete")),
            put(item("delete put"), "2"),
            Write::Delete(item("put delete put")),
            put(item("put delete put"), "3"),
        ];
        commit(&engine, writes).await.unwrap();
        let found = strong(&engine).await.get_many(names.map(item).to_vec()).await.unwrap();
        assert_eq!(found, [Some(bytes("2")), None, Some(bytes("2")), Some(bytes("3"))], "{before:?}");
    }
}

/// A counter nobody added to is 0.
pub async fn a_counter_begins_at_zero<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    for key in [counter(ITEMS, 0), counter(ITEMS, u16::MAX), counter(SpaceId::System, 1)] {
        assert_eq!(total(&engine, key).await, 0);
    }
}

/// Additions to a counter add up, within a commit and over several, below zero too.
pub async fn additions_to_a_counter_add_up<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let key = counter(ITEMS, 1);
    commit(&engine, vec![Write::Add(key, 5), Write::Add(key, -2), Write::Add(key, 0)]).await.unwrap();
    assert_eq!(total(&engine, key).await, 3);
    commit(&engine, vec![Write::Add(key, -10)]).await.unwrap();
    assert_eq!(total(&engine, key).await, -7);
    commit(&engine, vec![Write::Add(key, 1 << 40), Write::Add(key, 7)]).await.unwrap();
    assert_eq!(total(&engine, key).await, 1 << 40);
}

/// A total that leaves the range of 64 bits goes on from the other end, and is right again once it is back, in whatever
/// order and commits the additions come.
pub async fn a_counter_wraps_at_the_ends_of_its_range<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let amounts = [i64::MAX, 7, -3, i64::MAX, i64::MIN, -1];
    let sum = amounts.iter().fold(0_i64, |sum, amount| sum.wrapping_add(*amount));
    for first in 0..amounts.len() {
        let (together, apart) = (counter(ITEMS, 2 * first as u16), counter(ITEMS, 2 * first as u16 + 1));
        let mut rotated = amounts;
        rotated.rotate_left(first);
        commit(&engine, rotated.iter().map(|amount| Write::Add(together, *amount)).collect()).await.unwrap();
        for amount in rotated {
            commit(&engine, vec![Write::Add(apart, amount)]).await.unwrap();
        }
        assert_eq!(total(&engine, together).await, sum);
        assert_eq!(total(&engine, apart).await, sum);
    }
    let key = counter(INDEXES, 0);
    commit(&engine, vec![Write::Add(key, i64::MAX)]).await.unwrap();
    commit(&engine, vec![Write::Add(key, 1)]).await.unwrap();
    assert_eq!(total(&engine, key).await, i64::MIN);
    commit(&engine, vec![Write::Add(key, -1)]).await.unwrap();
    assert_eq!(total(&engine, key).await, i64::MAX);
}

/// Counters are told apart by number and by space, and from records.
pub async fn counters_are_apart_from_each_other_and_from_records<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let keys = [counter(ITEMS, 0), counter(ITEMS, 1), counter(ITEMS, 256), counter(INDEXES, 1)];
    let keys = keys.into_iter().chain([counter(SpaceId::System, 1), counter(SpaceId::System, u16::MAX)]);
    let amounts = keys.zip([1, 20, 300, 4_000, 50_000, 600_000]).collect::<Vec<_>>();
    commit(&engine, amounts.iter().map(|(key, amount)| Write::Add(*key, *amount)).collect()).await.unwrap();
    for (key, amount) in amounts {
        assert_eq!(total(&engine, key).await, amount, "{key:?}");
    }
    let snapshot = strong(&engine).await;
    assert_eq!(everything(&snapshot, ITEMS).await, []);
    assert_eq!(everything(&snapshot, INDEXES).await, []);
}

/// A key outside the lengths of [`RecordKey`] fails its commit whole, and the engine goes on.
pub async fn a_key_of_a_wrong_length_is_refused<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    for key in [Bytes::new(), Bytes::from(vec![7; 65_536]), Bytes::from(vec![7; 100_000])] {
        let wrong = item(&key);
        for write in [put(wrong.clone(), "v"), Write::Delete(wrong)] {
            assert_error!(commit(&engine, vec![put(entry("k"), "v"), write]).await, Error::Backend { .. });
        }
    }
    let snapshot = strong(&engine).await;
    assert_eq!(everything(&snapshot, INDEXES).await, []);
    commit(&engine, vec![put(item("k"), "v")]).await.unwrap();
    assert_eq!(everything(&strong(&engine).await, ITEMS).await, [(bytes("k"), bytes("v"))]);
}

/// A large commit is as atomic as a small one.
pub async fn a_commit_may_hold_thousands_of_writes<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let puts = (0..5_000_u32).flat_map(|n| {
        [
            put(item(n.to_be_bytes()), vec![b'v'; 200]),
            put(entry(n.to_be_bytes()), ""),
            Write::Add(counter(ITEMS, 1), 1),
        ]
    });
    commit(&engine, puts.collect()).await.unwrap();
    let snapshot = strong(&engine).await;
    assert_eq!(everything(&snapshot, ITEMS).await.len(), 5_000);
    assert_eq!(everything(&snapshot, INDEXES).await.len(), 5_000);
    assert_eq!(snapshot.counter(counter(ITEMS, 1)).await.unwrap(), 5_000);

    let deletes = (0..5_000_u32).filter(|n| n % 5 != 0).map(|n| Write::Delete(item(n.to_be_bytes())));
    commit(&engine, deletes.collect()).await.unwrap();
    assert_eq!(everything(&strong(&engine).await, ITEMS).await.len(), 1_000);
}

/// `last_commit` moves on with each commit, and with nothing that writes nothing.
pub async fn the_newest_commit_has_a_greater_number<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let mut last = engine.statistics().await.unwrap().last_commit;
    for n in 0..10_u8 {
        commit(&engine, vec![put(item("k"), [n])]).await.unwrap();
        let next = engine.statistics().await.unwrap().last_commit;
        assert!(next > last, "{next} after {last}");
        last = next;
    }
    commit(&engine, Vec::new()).await.unwrap();
    get(&engine, &item("k")).await;
    assert_eq!(engine.statistics().await.unwrap().last_commit, last);
}
