//! How often somebody may try to log in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failed attempts in a row that an address has free.
const FREE: u32 = 5;
/// After them, one more in this time.
const EVERY: Duration = Duration::from_secs(15);
/// Addresses remembered. With more, all new ones share one place: who attacks from a whole network slows himself down.
const MOST: usize = 10_000;

/// Failed attempts of one address.
#[derive(Clone, Copy, Debug)]
struct Failed {
    count: u32,
    last: Instant,
}

/// Failed attempts, by address (IPv6: by /64, which is one place).
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    failed: Mutex<HashMap<IpAddr, Failed>>,
}

fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let network = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Attempts {
    /// Counts an attempt that begins, as failed until [`succeeded`](Self::succeeded).
    ///
    /// # Errors
    /// Too many: how long to wait.
    pub fn begin(&self, address: IpAddr) -> Result<(), Duration> {
        self.begin_at(address, Instant::now())
    }

    fn begin_at(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut place = place(address);
        if failed.len() >= MOST && !failed.contains_key(&place) {
            failed.retain(|_, entry| now.duration_since(entry.last) < EVERY * FREE);
            if failed.len() >= MOST {
                place = std::net::Ipv6Addr::UNSPECIFIED.into();
            }
        }
        let entry = failed.entry(place).or_insert(Failed {
            count: 0,
            last: now,
        });
        // Time gives attempts back.
        let back = now.duration_since(entry.last).as_secs() / EVERY.as_secs();
        let count = entry
            .count
            .saturating_sub(u32::try_from(back).unwrap_or(u32::MAX));
        if count >= FREE {
            return Err(EVERY.saturating_sub(now.duration_since(entry.last)));
        }
        *entry = Failed {
            count: count + 1,
            last: now,
        };
        Ok(())
    }

    /// The attempt was none to guess.
    pub fn succeeded(&self, address: IpAddr) {
        self.failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&place(address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn after_some_failures_time_must_pass() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for _ in 0..FREE {
            assert_eq!(attempts.begin_at(ONE, now), Ok(()));
        }
        let wait = attempts.begin_at(ONE, now).expect_err("too many");
        assert!(attempts.begin_at(ONE, now + wait / 2).is_err());
        assert_eq!(attempts.begin_at(ONE, now + wait), Ok(()));
        assert!(attempts.begin_at(ONE, now + wait).is_err());
        let other = "192.0.2.2".parse().expect("an address");
        assert_eq!(attempts.begin_at(other, now), Ok(()));
    }

    #[test]
    fn success_forgets_failures_and_a_network_of_ipv6_is_one_place() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for host in 0..FREE {
            let address = format!("2001:db8::{host}").parse().expect("an address");
            assert_eq!(attempts.begin_at(address, now), Ok(()));
        }
        let address = "2001:db8::ffff".parse().expect("an address");
        assert!(attempts.begin_at(address, now).is_err());
        attempts.succeeded(address);
        assert_eq!(attempts.begin_at(address, now), Ok(()));
    }
}
