//! Gaps against a model: a version of the space for each commit.

use super::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeSet;

const KEYS: u8 = 40;

fn key(n: u8) -> Bytes {
    Bytes::copy_from_slice(&[n])
}

fn keys(start: u8, end: Option<u8>) -> Keys {
    Keys { start: key(start), end: end.map(key) }
}

/// Walks a scan through its segments; what it would read.
fn walked(
    gaps: &Gaps,
    range: Keys,
    direction: Direction,
    sequence: u64,
    version: &BTreeSet<Bytes>,
) -> Vec<Bytes> {
    let mut found = Vec::new();
    let mut rest = Some(range);
    while let Some(keys) = rest {
        let Some(segment) = gaps.first_segment(keys, direction, sequence) else { break };
        let within = version
            .iter()
            .filter(|key| **key >= segment.keys.start && is_before(key, segment.keys.end.as_ref()))
            .cloned();
        let mut within: Vec<_> = within.collect();
        if direction == Direction::Descending {
            within.reverse();
        }
        found.extend(within);
        rest = segment.rest;
    }
    found
}

fn learn(gaps: &Gaps, range: Keys, sequence: u64, version: &BTreeSet<Bytes>) {
    let Some(part) = gaps.begin(range) else { return };
    let found = version.iter().find(|key| **key >= part.start && is_before(key, part.end.as_ref()));
    gaps.finish(&part, found, sequence);
}

#[test]
fn a_gap_is_stepped_over_by_views_that_are_not_older() {
    let gaps = Gaps::default();
    learn(&gaps, keys(10, Some(20)), 5, &BTreeSet::new());
    let segment = |from, sequence| gaps.first_segment(keys(from, None), Direction::Ascending, sequence);
    assert_eq!(segment(12, 5), Some(Segment { keys: keys(20, None), rest: None }));
    assert_eq!(segment(12, 4), Some(Segment { keys: keys(12, None), rest: None }));
    assert_eq!(segment(5, 5), Some(Segment { keys: keys(5, Some(10)), rest: Some(keys(20, None)) }));
    let down = gaps.first_segment(keys(5, Some(15)), Direction::Descending, 5);
    assert_eq!(down, Some(Segment { keys: keys(5, Some(10)), rest: None }));
    assert_eq!(gaps.first_segment(keys(12, Some(15)), Direction::Ascending, 5), None);
    assert_eq!(gaps.first_segment(keys(12, Some(15)), Direction::Descending, 5), None);
}

#[test]
fn a_key_that_is_put_is_taken_out_and_joins_again_once_it_is_deleted() {
    let gaps = Gaps::default();
    learn(&gaps, keys(10, Some(20)), 5, &BTreeSet::new());
    gaps.put(&key(15));
    let at = |sequence| gaps.first_segment(keys(10, Some(20)), Direction::Ascending, sequence);
    let alone = Keys { start: key(15), end: Some(successor(&key(15))) };
    assert_eq!(at(6).unwrap().keys, alone);
    gaps.deleted(&key(15), 7);
    assert_eq!(at(6).unwrap().keys, alone);
    assert_eq!(at(7), None);
    assert_eq!(gaps.count(), 3);
    gaps.merge_settled(7);
    assert_eq!(gaps.count(), 1);
    assert_eq!(at(7), None);
}

#[test]
fn a_key_that_is_put_while_a_gap_is_learnt_is_not_in_it() {
    let gaps = Gaps::default();
    let part = gaps.begin(keys(10, Some(20))).unwrap();
    assert_eq!(part, keys(10, Some(20)));
    let at = || gaps.first_segment(keys(10, Some(20)), Direction::Ascending, 100);
    assert_eq!(at().unwrap().keys, keys(10, Some(20)), "used before it was known");
    gaps.put(&key(12));
    gaps.finish(&part, None, 9);
    assert_eq!(at().unwrap().keys, Keys { start: key(12), end: Some(successor(&key(12))) });
    let part = gaps.begin(keys(30, None)).unwrap();
    assert_eq!(part, keys(30, None));
    gaps.abandon();
    assert_eq!(gaps.count(), 2);
}

#[test]
fn gaps_are_bounded_in_number_and_in_the_length_of_their_keys() {
    let gaps = Gaps::default();
    for n in 0..2 * GAPS_MAX as u32 {
        let start = Bytes::copy_from_slice(&n.to_be_bytes());
        let end = Some([&start[..], &[0, 0]].concat().into());
        learn(&gaps, Keys { start, end }, 1, &BTreeSet::new());
    }
    assert_eq!(gaps.count(), GAPS_MAX);
    assert_eq!(gaps.begin(Keys { start: vec![1; KEY_BYTES_MAX + 1].into(), end: None }), None);
    let long = KeyRange { start: Bound::Excluded(vec![1; BOUND_BYTES_MAX].into()), end: Bound::Unbounded };
    assert_eq!(Keys::of(&long), None);
}

/// Random puts, deletes and learning, after each of which scans in both directions of old and new views are whole.
#[test]
fn no_scan_of_any_view_misses_a_record() {
    for seed in 0..15 {
        let mut random = SmallRng::seed_from_u64(seed);
        let gaps = Gaps::default();
        let mut versions: Vec<BTreeSet<Bytes>> = vec![BTreeSet::new()];
        // The last commit that took each view's place for a reader: a put may take gaps away from older views only.
        for _ in 0..200 {
            let newest = versions.len() as u64 - 1;
            let mut begun = None;
            if random.random_range(0..3) == 0 {
                let (start, end) = (random.random_range(0..KEYS), random.random_range(0..=KEYS));
                begun = gaps.begin(keys(start, (end < KEYS).then_some(end)));
            }
            let scanned_at = newest;
            for _ in 0..random.random_range(0..3) {
                let sequence = versions.len() as u64;
                let mut version = versions.last().unwrap().clone();
                for _ in 0..random.random_range(1..4) {
                    let key = key(random.random_range(0..KEYS));
                    if random.random_range(0..5) < 2 {
                        gaps.put(&key);
                        version.insert(key);
                    } else if version.remove(&key) || random.random() {
                        // Of a key written twice in a commit the committer sees the last write alone, as here.
                        gaps.deleted(&key, sequence);
                    }
                }
                versions.push(version);
            }
            if let Some(part) = begun {
                if random.random_range(0..5) == 0 {
                    gaps.abandon();
                } else {
                    let version = &versions[scanned_at as usize];
                    let found =
                        version.iter().find(|key| **key >= part.start && is_before(key, part.end.as_ref()));
                    gaps.finish(&part, found, scanned_at);
                }
            }
            if random.random_range(0..10) == 0 {
                gaps.merge_settled(random.random_range(0..versions.len() as u64));
            }
            for _ in 0..6 {
                let sequence = random.random_range(versions.len().saturating_sub(12)..versions.len());
                let (start, end) = (random.random_range(0..KEYS), random.random_range(0..=KEYS));
                let range = keys(start, (end < KEYS).then_some(end));
                let version = &versions[sequence];
                let mut expected: Vec<_> = version
                    .iter()
                    .filter(|key| **key >= range.start && is_before(key, range.end.as_ref()))
                    .cloned()
                    .collect();
                for direction in [Direction::Ascending, Direction::Descending] {
                    let found = walked(&gaps, range.clone(), direction, sequence as u64, version);
                    assert_eq!(found, expected, "seed {seed}, {direction:?}");
                    expected.reverse();
                }
            }
        }
    }
}
