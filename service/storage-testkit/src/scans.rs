//! Promises about scans: ranges, directions, where they stop, and what keys and values may look like.

use crate::Subject;
use crate::harness::{
    Collect, INDEXES, ITEMS, Record, bytes, commit, entry, get, item, put, scan, store_with_spaces, strong,
    within,
};
use bytes::Bytes;
use cairn_storage::{Decision, Direction, Engine, KeyRange, Snapshot, Write};
use std::ops::{Bound, ControlFlow};

const BOTH: [Direction; 2] = [Direction::Ascending, Direction::Descending];

/// Every kind of bound, on a key that is there and on one that is not, in both directions.
pub async fn a_scan_keeps_to_its_bounds<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let keys = ["b", "d", "f", "h"];
    commit(&engine, keys.iter().map(|key| put(item(key), *key)).collect()).await.unwrap();
    commit(&engine, vec![put(entry("e"), "of another space")]).await.unwrap();
    let snapshot = strong(&engine).await;

    let points = ["", "a", "b", "c", "d", "e", "f", "g", "h", "i"].map(bytes);
    let bounds = points.iter().flat_map(|key| [Bound::Included(key.clone()), Bound::Excluded(key.clone())]);
    let bounds = bounds.chain([Bound::Unbounded]).collect::<Vec<_>>();
    for start in &bounds {
        for end in &bounds {
            let range = KeyRange { start: start.clone(), end: end.clone() };
            let expected = keys.iter().map(bytes).filter(|key| within(&range, key)).collect::<Vec<_>>();
            for direction in BOTH {
                let found = scan(&snapshot, ITEMS, range.clone(), direction).await.unwrap();
                let found = in_order(found, direction).into_iter().map(|(key, value)| {
                    assert_eq!(key, value);
                    key
                });
                assert_eq!(found.collect::<Vec<_>>(), expected, "{range:?} {direction:?}");
            }
        }
    }
}

/// The records of a prefix are those whose keys begin with it, however its last byte looks.
pub async fn a_prefix_scan_finds_what_extends_the_prefix<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let keys = awkward_keys();
    commit(&engine, keys.iter().map(|key| put(item(key), "v")).collect()).await.unwrap();
    let snapshot = strong(&engine).await;
    let prefixes: [&[u8]; 9] =
        [b"", b"a", b"a\0", b"a\xff", b"a\xff\xff", b"\0", b"\xff", b"\xff\xff", b"nothing begins like this"];
    for prefix in prefixes {
        let expected = keys.iter().filter(|key| key.starts_with(prefix)).cloned().collect::<Vec<_>>();
        for direction in BOTH {
            let range = KeyRange::prefix(prefix);
            let found = in_order(scan(&snapshot, ITEMS, range, direction).await.unwrap(), direction);
            let found = found.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
            assert_eq!(found, expected, "{prefix:?} {direction:?}");
        }
    }
}

/// A range that ends before it begins, and a space with nothing in it, give no records and no error.
pub async fn empty_and_inverted_ranges_hold_nothing<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("a"), ""), put(item("b"), ""), put(item("c"), "")]).await.unwrap();
    let snapshot = strong(&engine).await;
    let (a, b, c) = (bytes("a"), bytes("b"), bytes("c"));
    let ranges = [
        (Bound::Included(c.clone()), Bound::Included(a.clone())),
        (Bound::Excluded(c), Bound::Excluded(a)),
        (Bound::Included(b.clone()), Bound::Excluded(b.clone())),
        (Bound::Excluded(b.clone()), Bound::Included(b.clone())),
        (Bound::Excluded(b.clone()), Bound::Excluded(b)),
        (Bound::Unbounded, Bound::Excluded(Bytes::new())),
        (Bound::Unbounded, Bound::Included(Bytes::new())),
    ];
    for (start, end) in ranges {
        for direction in BOTH {
            let range = KeyRange { start: start.clone(), end: end.clone() };
            assert_eq!(scan(&snapshot, ITEMS, range.clone(), direction).await.unwrap(), [], "{range:?}");
        }
    }
    for direction in BOTH {
        assert_eq!(scan(&snapshot, INDEXES, KeyRange::all(), direction).await.unwrap(), []);
    }
}

/// A visitor that breaks gets nothing more, and comes back with what it gathered until then.
pub async fn a_scan_ends_with_the_record_its_visitor_breaks_at<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let keys = (0..50_u8).map(|n| bytes([n])).collect::<Vec<_>>();
    commit(&engine, keys.iter().map(|key| put(item(key), key)).collect()).await.unwrap();
    let snapshot = strong(&engine).await;
    for limit in [1, 2, 49, 50] {
        for direction in BOTH {
            let visitor =
                snapshot.scan(ITEMS, KeyRange::all(), direction, Collect::at_most(limit)).await.unwrap();
            assert_eq!(visitor.limit, limit);
            let found = visitor.records.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
            let expected = match direction {
                Direction::Ascending => keys[..limit].to_vec(),
                Direction::Descending => keys.iter().rev().take(limit).cloned().collect(),
            };
            assert_eq!(found, expected);
        }
    }
}

/// A visitor comes back as it was given if there was nothing to visit.
pub async fn a_visitor_comes_back_unused_from_an_empty_range<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let visitor = Collect { records: vec![(bytes("from"), bytes("before"))], limit: 7 };
    let visitor =
        strong(&engine).await.scan(ITEMS, KeyRange::all(), Direction::Ascending, visitor).await.unwrap();
    assert_eq!(visitor.records, [(bytes("from"), bytes("before"))]);
    assert_eq!(visitor.limit, 7);
}

/// A closure may be the visitor, and the values it is given are its own to keep.
pub async fn a_closure_may_visit<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("a"), "1"), put(item("b"), "2")]).await.unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let visitor = move |key: &[u8], value: Bytes| {
        sender.send((bytes(key), value)).unwrap();
        ControlFlow::Continue(())
    };
    let snapshot = strong(&engine).await;
    drop(snapshot.scan(ITEMS, KeyRange::all(), Direction::Descending, visitor).await.unwrap());
    commit(&engine, vec![Write::Delete(item("a"))]).await.unwrap();
    let expected = [(bytes("b"), bytes("2")), (bytes("a"), bytes("1"))];
    assert_eq!(receiver.into_iter().collect::<Vec<_>>(), expected);
}

/// Keys are ordered byte by byte, without signs, a prefix before what extends it, whatever the bytes.
pub async fn keys_are_ordered_bytewise<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let keys = awkward_keys();
    // In an order of their own.
    let mut scattered = keys.clone();
    scattered.sort_by_key(|key| key.iter().map(|byte| byte.wrapping_mul(37)).collect::<Vec<_>>());
    for key in &scattered {
        commit(&engine, vec![put(item(key), key)]).await.unwrap();
    }
    let snapshot = strong(&engine).await;
    let expected = keys.iter().map(|key| (key.clone(), key.clone())).collect::<Vec<_>>();
    for direction in BOTH {
        let found = scan(&snapshot, ITEMS, KeyRange::all(), direction).await.unwrap();
        assert_eq!(in_order(found, direction), expected);
    }
    for key in &keys {
        assert_eq!(snapshot.get(&item(key)).await.unwrap().as_ref(), Some(key));
    }
}

/// The longest keys there may be are told apart by their last byte.
pub async fn the_longest_keys_are_kept_whole<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let long = |last: u8| {
        let mut key = vec![0xab; 65_535];
        key[65_534] = last;
        Bytes::from(key)
    };
    let keys = [long(0), long(1), long(0xff)];
    commit(&engine, keys.iter().map(|key| put(item(key), &key[65_534..])).collect()).await.unwrap();
    commit(&engine, vec![Write::Delete(item(&keys[1]))]).await.unwrap();
    let snapshot = strong(&engine).await;
    let found = snapshot.get_many(keys.iter().map(item).collect()).await.unwrap();
    assert_eq!(found, [Some(bytes([0])), None, Some(bytes([0xff]))]);
    let range = KeyRange { start: Bound::Excluded(keys[0].clone()), end: Bound::Unbounded };
    let found = scan(&snapshot, ITEMS, range, Direction::Ascending).await.unwrap();
    assert_eq!(found, [(keys[2].clone(), bytes([0xff]))]);
}

/// Values of every size up to past the largest item come back as they were, by key, by scan and in decisions.
pub async fn values_of_every_size_come_back_whole<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let sizes = [0, 1, 100, 4_096, 8_192, 16_384, 65_536, 400 * 1024, 400 * 1024 + 1, 1 << 20];
    let records = sizes.map(|size: usize| {
        // No run of bytes that compresses to nothing.
        let value = (0..size).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<_>>();
        (bytes((size as u64).to_be_bytes()), Bytes::from(value))
    });
    for (key, value) in &records {
        commit(&engine, vec![put(item(key), value)]).await.unwrap();
    }
    let snapshot = strong(&engine).await;
    let found = scan(&snapshot, ITEMS, KeyRange::all(), Direction::Ascending).await.unwrap();
    assert!(found == records, "the scan differs");
    for (key, value) in &records {
        assert!(snapshot.get(&item(key)).await.unwrap().as_ref() == Some(value), "{} bytes", value.len());
        let decided =
            engine.transact(vec![item(key)], |found| Decision::unchanged(found[0].clone())).await.unwrap();
        assert!(decided.as_ref() == Some(value), "{} bytes in a decision", value.len());
    }
    let empty = &records[0].0;
    commit(&engine, vec![Write::Delete(item(empty))]).await.unwrap();
    assert_eq!(get(&engine, &item(empty)).await, None);
}

/// A visitor that panics fails its scan, and the engine goes on.
pub async fn a_panic_in_a_visitor_fails_that_scan_only<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("a"), "1")]).await.unwrap();
    let snapshot = strong(&engine).await;
    for direction in BOTH {
        let visitor = |_: &[u8], _| -> ControlFlow<()> { panic!("on purpose, by the test") };
        assert!(snapshot.scan(ITEMS, KeyRange::all(), direction, visitor).await.is_err());
        let found = scan(&snapshot, ITEMS, KeyRange::all(), direction).await.unwrap();
        assert_eq!(found, [(bytes("a"), bytes("1"))]);
    }
    commit(&engine, vec![put(item("b"), "2")]).await.unwrap();
}

/// Keys in their order, with the bytes and lengths that encodings get wrong.
fn awkward_keys() -> Vec<Bytes> {
    let mut keys: Vec<Bytes> = [
        &b"\0"[..],
        b"\0\0",
        b"\0\x01",
        b"\0\xff",
        b"\x01",
        b"\x7f",
        b"\x80",
        b"\xfe\xff",
        b"\xff",
        b"\xff\0",
        b"\xff\xff",
        b"\xff\xff\xff",
        b"a",
        b"a\0",
        b"a\0b",
        b"a\xff",
        b"a\xff\xff",
        b"a\xff\xff\xff",
        b"a ",
        b"aa",
        b"b",
    ]
    .iter()
    .map(bytes)
    .collect();
    keys.sort();
    keys
}

/// The records in ascending order, if they came in `direction`.
fn in_order(mut records: Vec<Record>, direction: Direction) -> Vec<Record> {
    if direction == Direction::Descending {
        records.reverse();
    }
    records
}
