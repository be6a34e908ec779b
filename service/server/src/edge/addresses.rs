//! Connections and calls by the address that they come from, so that one caller cannot take all of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many of something one address may have at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AddressLimit {
    pub(crate) max: usize,
    /// Whether it is for this machine's own addresses as well. What comes from them may be of many callers: a proxy's.
    pub(crate) on_loopback: bool,
}

/// The addresses that are connected.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    connections: AddressLimit,
    calls: AddressLimit,
    connected: Arc<Mutex<HashMap<IpAddr, Arc<AddressUse>>>>,
}

#[derive(Debug, Default)]
struct AddressUse {
    /// Changed under the map's lock only.
    connections: AtomicUsize,
    calls: AtomicUsize,
}

/// A connection of an address. Dropped, it is no longer one of those.
#[derive(Debug)]
pub(crate) struct AddressConnection {
    addresses: Addresses,
    key: IpAddr,
    uses: Arc<AddressUse>,
}

/// A call of an address. Dropped, it is no longer one of those.
#[derive(Debug)]
pub(crate) struct AddressCall(Arc<AddressUse>);

impl Addresses {
    pub(crate) fn new(connections: AddressLimit, calls: AddressLimit) -> Self {
        Self { connections, calls, connected: Arc::default() }
    }

    /// A new connection from there; none if there are as many as are allowed.
    pub(crate) fn connect(&self, address: IpAddr) -> Option<AddressConnection> {
        let key = key(address);
        let mut connected = self.lock();
        let uses = connected.entry(key).or_default();
        // It is one of those only if it is let in, so there is no entry without a connection.
        if !self.connections.allows(key, uses.connections.load(Ordering::Relaxed)) {
            return None;
        }
        uses.connections.fetch_add(1, Ordering::Relaxed);
        Some(AddressConnection { addresses: self.clone(), key, uses: uses.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Arc<AddressUse>>> {
        // Nothing that holds the lock panics half way.
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AddressConnection {
    /// A new call of the address; none if there are as many as are allowed.
    pub(crate) fn call(&self) -> Option<AddressCall> {
        let call = AddressCall(self.uses.clone());
        let before = self.uses.calls.fetch_add(1, Ordering::Relaxed);
        self.addresses.calls.allows(self.key, before).then_some(call)
    }
}

impl Drop for AddressConnection {
    fn drop(&mut self) {
        let mut connected = self.addresses.lock();
        if self.uses.connections.fetch_sub(1, Ordering::Relaxed) == 1
            && let Entry::Occupied(entry) = connected.entry(self.key)
        {
            entry.remove();
        }
    }
}

impl Drop for AddressCall {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AddressLimit {
    fn allows(self, address: IpAddr, already: usize) -> bool {
        already < self.max || (!self.on_loopback && address.is_loopback())
    }
}

/// What counts as one address. Whoever has one of IPv6 has the 2^64 beside it.
fn key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: &str = "192.0.2.1";
    const NEAR: &str = "127.0.0.1";

    fn addresses(on_loopback: bool) -> Addresses {
        let limit = AddressLimit { max: 2, on_loopback };
        Addresses::new(limit, limit)
    }

    fn connect(addresses: &Addresses, address: &str) -> Option<AddressConnection> {
        addresses.connect(address.parse().unwrap())
    }

    #[test]
    fn an_address_has_as_many_connections_as_are_allowed_and_others_have_theirs() {
        let addresses = addresses(false);
        let (first, _second) = (connect(&addresses, FAR).unwrap(), connect(&addresses, FAR).unwrap());
        assert!(connect(&addresses, FAR).is_none());
        let other = connect(&addresses, "192.0.2.2").unwrap();
        drop(first);
        let _third = connect(&addresses, FAR).unwrap();
        assert!(connect(&addresses, FAR).is_none());
        drop(other);
        assert_eq!(addresses.lock().len(), 1);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_an_embedded_ipv4_address_is_itself() {
        let addresses = addresses(false);
        let _first = connect(&addresses, "2001:db8::1").unwrap();
        let _second = connect(&addresses, "2001:db8::ffff:1").unwrap();
        assert!(connect(&addresses, "2001:db8::2").is_none());
        assert!(connect(&addresses, "2001:db8:0:1::2").is_some());
        let _first = connect(&addresses, "::ffff:192.0.2.1").unwrap();
        let _second = connect(&addresses, FAR).unwrap();
        assert!(connect(&addresses, FAR).is_none());
    }

    #[test]
    fn calls_are_counted_over_all_connections_of_an_address() {
        let addresses = addresses(false);
        let (one, other) = (connect(&addresses, FAR).unwrap(), connect(&addresses, FAR).unwrap());
        let (first, _second) = (one.call().unwrap(), other.call().unwrap());
        assert!(one.call().is_none() && other.call().is_none());
        drop(first);
        assert!(other.call().is_some());
    }

    #[test]
    fn this_machine_is_limited_only_if_that_is_asked_for() {
        for near in [NEAR, "::1"] {
            let free = addresses(false);
            let connections: Vec<_> = (0..3).map(|_| connect(&free, near).unwrap()).collect();
            let calls: Vec<_> = (0..3).map(|_| connections[0].call().unwrap()).collect();
            drop(calls);
            let limited = addresses(true);
            let _two = [connect(&limited, near).unwrap(), connect(&limited, near).unwrap()];
            assert!(connect(&limited, near).is_none());
        }
    }
}
