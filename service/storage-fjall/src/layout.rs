//! How the store is laid out on disk: the folder's entries, the keyspaces' names, and the keys of the engine's own
//! keyspace. Names and prefixes are append-only: a retired one is reserved, never used for something else.

use cairn_storage::{CounterKey, SpaceId};

/// The newest on-disk format this build reads, and the one it writes. Version 1 had a keyspace named after each space;
/// such spaces keep theirs. Version 2 adds keyspaces of the pool.
pub(crate) const FORMAT_VERSION: u32 = 2;

/// The file that names the format; see `format`.
pub(crate) const FORMAT_FILE: &str = "cairn-format.json";
/// The file whose lock keeps other processes out.
pub(crate) const LOCK_FILE: &str = "lock";
/// The file that remembers the newest acknowledged commit; see `watermark`.
pub(crate) const WATERMARK_FILE: &str = "watermark";
/// What else may be in a folder in which there is no store yet: what a start that was interrupted leaves behind, and what
/// file systems have at their root.
pub(crate) const OTHER_ENTRIES: &[&str] =
    &[LOCK_FILE, WATERMARK_FILE, DATABASE_FOLDER, "cairn-format.tmp", "lost+found"];
/// fjall's folder.
pub(crate) const DATABASE_FOLDER: &str = "database";
/// fjall's folder of keyspaces, in its own.
pub(crate) const KEYSPACES_FOLDER: &str = "keyspaces";
/// The file fjall writes last when it makes a database.
pub(crate) const DATABASE_MARKER: &str = "version";

/// The keyspace of the engine itself.
pub(crate) const ENGINE_KEYSPACE: &str = "engine";
/// The number fjall gives the first keyspace of a database, which is always [`ENGINE_KEYSPACE`].
pub(crate) const ENGINE_KEYSPACE_ID: u64 = 1;

/// The key of the newest commit's sequence number, eight bytes big-endian, rewritten by every commit.
pub(crate) const SEQUENCE_KEY: &[u8] = b"\x01commit-sequence";
/// The key of a note that commits were lost and that this was accepted: the number of the newest commit that was
/// found, and of the newest one that had been acknowledged, eight bytes big-endian each.
pub(crate) const ACCEPTED_LOSS_KEY: &[u8] = b"\x01accepted-loss";
/// What the keys of counters begin with; their values are eight bytes big-endian, two's complement.
pub(crate) const COUNTER_PREFIX: u8 = 2;

/// What the keys begin with under which a space's keyspace of the pool is noted; their values are its name.
pub(crate) const SPACE_PREFIX: u8 = 3;
/// What the keys begin with, before a keyspace's name, that say that the keyspace is dropped and may be removed.
pub(crate) const DROPPED_PREFIX: u8 = 4;

/// What the names of the pool's keyspaces begin with, before a number.
const POOL_NAME: &str = "pool-";

/// A keyspace of the pool.
pub(crate) fn pool_keyspace_name(number: u64) -> String {
    format!("{POOL_NAME}{number}")
}

/// The number of a keyspace of the pool; none if it is none.
pub(crate) fn pool_number_of(keyspace_name: &str) -> Option<u64> {
    let number = keyspace_name.strip_prefix(POOL_NAME)?.parse().ok()?;
    (pool_keyspace_name(number) == keyspace_name).then_some(number)
}

/// The keyspace named after a space, as every space of version 1 has one, and the system space.
pub(crate) fn keyspace_name(space: SpaceId) -> String {
    match space {
        SpaceId::System => "system".to_owned(),
        SpaceId::Items(table) => format!("items-{table}"),
        SpaceId::Indexes(table) => format!("indexes-{table}"),
    }
}

/// The space a keyspace holds; none if it is not one of ours.
pub(crate) fn space_of(keyspace_name: &str) -> Option<SpaceId> {
    let table = |digits: &str| digits.parse().ok();
    let space = match keyspace_name.split_once('-') {
        None if keyspace_name == "system" => SpaceId::System,
        Some(("items", digits)) => SpaceId::Items(table(digits)?),
        Some(("indexes", digits)) => SpaceId::Indexes(table(digits)?),
        _ => return None,
    };
    // `items-007` would parse, but is not a name we give.
    (self::keyspace_name(space) == keyspace_name).then_some(space)
}

/// A space's kind and table in keys.
fn kind_and_table(space: SpaceId) -> (u8, u64) {
    match space {
        SpaceId::System => (0, 0),
        SpaceId::Items(table) => (1, table),
        SpaceId::Indexes(table) => (2, table),
    }
}

/// Where the name of a space's keyspace is kept.
pub(crate) fn space_key(space: SpaceId) -> [u8; 10] {
    let (kind, table) = kind_and_table(space);
    let [a, b, c, d, e, f, g, h] = table.to_be_bytes();
    [SPACE_PREFIX, kind, a, b, c, d, e, f, g, h]
}

/// The space whose keyspace is noted at `key`; none if no space's is.
pub(crate) fn space_of_key(key: &[u8]) -> Option<SpaceId> {
    let [SPACE_PREFIX, kind, a, b, c, d, e, f, g, h] = *key else { return None };
    space_of_kind(kind, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

fn space_of_kind(kind: u8, table: u64) -> Option<SpaceId> {
    match kind {
        0 => Some(SpaceId::System),
        1 => Some(SpaceId::Items(table)),
        2 => Some(SpaceId::Indexes(table)),
        _ => None,
    }
}

/// Where it is kept that a keyspace is dropped.
pub(crate) fn dropped_key(keyspace_name: &str) -> Vec<u8> {
    [&[DROPPED_PREFIX], keyspace_name.as_bytes()].concat()
}

/// Where a counter's total is kept.
pub(crate) fn counter_key(key: CounterKey) -> [u8; 12] {
    let (kind, table) = kind_and_table(key.space);
    let ([a, b, c, d, e, f, g, h], [i, j]) = (table.to_be_bytes(), key.counter.to_be_bytes());
    [COUNTER_PREFIX, kind, a, b, c, d, e, f, g, h, i, j]
}

/// The counter whose total is kept at `key`; none if no counter's is.
pub(crate) fn counter_of(key: &[u8]) -> Option<CounterKey> {
    let [COUNTER_PREFIX, kind, a, b, c, d, e, f, g, h, i, j] = *key else { return None };
    let space = space_of_kind(kind, u64::from_be_bytes([a, b, c, d, e, f, g, h]))?;
    Some(CounterKey { space, counter: u16::from_be_bytes([i, j]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACES: [SpaceId; 5] = [
        SpaceId::System,
        SpaceId::Items(0),
        SpaceId::Items(u64::MAX),
        SpaceId::Indexes(7),
        SpaceId::Indexes(u64::MAX),
    ];

    #[test]
    fn names_are_stable_and_lead_back_to_their_spaces() {
        assert_eq!(keyspace_name(SpaceId::System), "system");
        assert_eq!(keyspace_name(SpaceId::Items(12)), "items-12");
        assert_eq!(keyspace_name(SpaceId::Indexes(12)), "indexes-12");
        for space in SPACES {
            assert_eq!(space_of(&keyspace_name(space)), Some(space));
        }
        for other in
            [ENGINE_KEYSPACE, "items", "items-", "items-007", "items--1", "tables-1", "system-1", "pool-1"]
        {
            assert_eq!(space_of(other), None, "{other}");
        }
    }

    #[test]
    fn names_and_keys_of_the_pool_lead_back_to_what_they_are_for() {
        assert_eq!(pool_number_of(&pool_keyspace_name(12)), Some(12));
        for other in ["pool-", "pool-012", "pool--1", "items-1", ENGINE_KEYSPACE] {
            assert_eq!(pool_number_of(other), None, "{other}");
        }
        for space in SPACES {
            assert_eq!(space_of_key(&space_key(space)), Some(space));
            assert_eq!(counter_of(&space_key(space)), None);
        }
        assert_eq!(space_of_key(&[SPACE_PREFIX]), None);
        assert_eq!(dropped_key("pool-1"), b"\x04pool-1");
    }

    #[test]
    fn counter_keys_lead_back_to_their_counters() {
        for space in SPACES {
            for counter in [0, 1, u16::MAX] {
                let key = CounterKey { space, counter };
                assert_eq!(counter_of(&counter_key(key)), Some(key));
            }
        }
        assert_eq!(counter_of(SEQUENCE_KEY), None);
        assert_eq!(counter_of(&[COUNTER_PREFIX]), None);
    }
}
