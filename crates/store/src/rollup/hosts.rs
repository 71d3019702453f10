//! Sums by address, and which of them are told of one by one.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ahash::RandomState;

/// Addresses that have a row of their own in a bucket, each time it is written: those with the most bytes.
pub const TOP_HOSTS: usize = 1000;
/// Sums of one roll-up.
pub(super) type Hosts = HashMap<HostKey, Host, RandomState>;

/// What an address sent and received.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Host {
    pub(super) conns: u64,
    /// Packets, and bytes of IP packets.
    pub(super) sent: [u64; 2],
    pub(super) received: [u64; 2],
}

impl Host {
    pub(super) fn add(&mut self, other: &Host) {
        self.conns += other.conns;
        for i in 0..2 {
            self.sent[i] = self.sent[i].saturating_add(other.sent[i]);
            self.received[i] = self.received[i].saturating_add(other.received[i]);
        }
    }

    fn bytes(&self) -> u64 {
        self.sent[1].saturating_add(self.received[1])
    }
}

/// A bucket's number and an address, or none, in words that are compared and hashed in a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HostKey {
    /// The bucket's number, and the family in the two bits behind it.
    place: i64,
    address: [u64; 2],
}

/// Families of addresses: all that have no row of their own, and the versions of IP.
const OTHERS: i64 = 0;
const V4: i64 = 1;
const V6: i64 = 2;

// One line of the cache: what is asked for most is far away mostly.
const _: () = assert!(size_of::<(HostKey, Host)>() == 64);

impl HostKey {
    #[inline]
    pub(super) fn new(bucket: i64, address: Option<IpAddr>) -> Self {
        let (family, address) = match address {
            Some(IpAddr::V4(address)) => (V4, [0, address.to_bits().into()]),
            Some(IpAddr::V6(address)) => {
                let bits = address.to_bits();
                (V6, [(bits >> 64) as u64, bits as u64])
            }
            None => (OTHERS, [0, 0]),
        };
        // Buckets are minutes and hours of times in 64 bits of nanoseconds: there is room.
        let place = bucket << 2 | family;
        HostKey { place, address }
    }

    pub(super) fn bucket(&self) -> i64 {
        self.place >> 2
    }

    fn family(&self) -> i64 {
        self.place & 3
    }

    pub(super) fn address(&self) -> Option<IpAddr> {
        let [high, low] = self.address;
        match self.family() {
            V4 => Some(Ipv4Addr::from_bits(low as u32).into()),
            V6 => {
                let bits = u128::from(high) << 64 | u128::from(low);
                Some(Ipv6Addr::from_bits(bits).into())
            }
            _ => None,
        }
    }

    /// The same address in another bucket.
    pub(super) fn within(&self, bucket: i64) -> Self {
        HostKey {
            place: bucket << 2 | self.family(),
            address: self.address,
        }
    }
}

impl Hash for HostKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_i64(self.place);
        state.write_u64(self.address[1]);
        // Nothing but an address of version 6 has anything here.
        if self.family() == V6 {
            state.write_u64(self.address[0]);
        }
    }
}

/// The busiest of each bucket, and the sum of all others under no address.
pub(super) fn busiest(hosts: &mut Hosts) -> Vec<(HostKey, Host)> {
    let mut all: Vec<(HostKey, Host)> = hosts.drain().collect();
    all.sort_unstable_by_key(|(key, host)| {
        (
            key.bucket(),
            key.family() == OTHERS,
            Reverse(host.bytes()),
            key.address,
        )
    });
    let mut others: HashMap<i64, Host> = HashMap::new();
    let (mut bucket, mut rank) = (i64::MIN, 0);
    all.retain(|(key, host)| {
        if key.bucket() != bucket {
            (bucket, rank) = (key.bucket(), 0);
        }
        rank += 1;
        let keep = rank <= TOP_HOSTS && key.family() != OTHERS;
        if !keep {
            others.entry(key.bucket()).or_default().add(host);
        }
        keep
    });
    all.extend(
        others
            .into_iter()
            .map(|(bucket, host)| (HostKey::new(bucket, None), host)),
    );
    all
}
