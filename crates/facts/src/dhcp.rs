//! DHCP transactions whose messages travel in several flows: a client that has no address yet broadcasts, and is answered at the address it is to have.
//!
//! A part is kept until the others are there: the transaction is whole when there are messages of the client and the server's last word. What is not whole after a
//! while, by the times of the records that come later, is written as it is.

use std::collections::HashMap;
use std::collections::VecDeque;

use portreeve_record::app::dhcp::Dhcp as Part;
use portreeve_record::{Fate, Record};

use crate::config::SECOND;

/// How long a part waits for another, by the times of records. A flow's record comes when it was idle for long enough: a minute, unless configured otherwise.
const WAIT: i64 = 180 * SECOND;
/// The most parts that wait; the one that waited longest is written then.
const MAX_WAITING: usize = 4096;
/// The most messages of one record, as in Zeek.
const MAX_MESSAGES: usize = 50;

/// Identifier and hardware address: clients choose identifiers at random, and may choose the same.
type Key = (u32, Option<Box<str>>);

/// Parts of transactions that wait for others.
#[derive(Debug, Default)]
pub(crate) struct Dhcp {
    waiting: HashMap<Key, Part>,
    /// Since when, oldest first; one that is no longer there was joined.
    order: VecDeque<(i64, Key)>,
}

impl Dhcp {
    /// Takes a part, or lets it go by if it is whole.
    pub(crate) fn take(&mut self, part: &Part, made: &mut Vec<Record>) -> Fate {
        let key = (part.trans_id, part.mac.clone());
        let end = part.head.ts.saturating_add(part.duration);
        match self.waiting.remove(&key) {
            None if is_whole(part) => return Fate::Write,
            None => self.wait(key, part.clone(), end, made),
            Some(other) if !fits(&other, part) => {
                // Another transaction under the same number.
                made.push(record(other));
                self.wait(key, part.clone(), end, made);
            }
            Some(other) => {
                let joined = join(other, part);
                if is_whole(&joined) {
                    made.push(record(joined));
                } else {
                    self.wait(key, joined, end, made);
                }
            }
        }
        Fate::TakeIn
    }

    fn wait(&mut self, key: Key, part: Part, since: i64, made: &mut Vec<Record>) {
        self.order.push_back((since, key.clone()));
        self.waiting.insert(key, part);
        while self.order.len() > MAX_WAITING {
            self.release_one(made);
        }
    }

    /// Lets those go that waited long enough at `now`.
    pub(crate) fn release(&mut self, now: i64, made: &mut Vec<Record>) {
        while self
            .order
            .front()
            .is_some_and(|(since, _)| since.saturating_add(WAIT) <= now)
        {
            self.release_one(made);
        }
    }

    fn release_one(&mut self, made: &mut Vec<Record>) {
        if let Some((_, key)) = self.order.pop_front()
            && let Some(part) = self.waiting.remove(&key)
        {
            made.push(record(part));
        }
    }

    /// The end: lets all go.
    pub(crate) fn finish(&mut self, made: &mut Vec<Record>) {
        while !self.order.is_empty() {
            self.release_one(made);
        }
    }
}

fn record(part: Part) -> Record {
    Record::App(part.into())
}

fn has(part: &Part, kinds: &[&str]) -> bool {
    part.msg_types.iter().any(|kind| kinds.contains(&&**kind))
}

/// Whether nothing more is to be expected: the server's last word (RFC 2131 section 3) and what it answers, or what nobody answers.
fn is_whole(part: &Part) -> bool {
    let asked = has(part, &["DISCOVER", "REQUEST", "INFORM"]);
    if asked {
        has(part, &["ACK", "NAK"])
    } else {
        !has(part, &["OFFER", "ACK", "NAK"])
    }
}

/// Whether two parts are close enough to be of one transaction.
fn fits(one: &Part, other: &Part) -> bool {
    one.head.ts.abs_diff(other.head.ts) < WAIT.unsigned_abs()
}

/// Whose turn it is in a transaction (RFC 2131 section 3.1).
fn turn(kind: &str) -> u8 {
    match kind {
        "DISCOVER" => 0,
        "OFFER" => 1,
        "REQUEST" => 2,
        _ => 3,
    }
}

/// Both parts as one: what both say is the later one's.
fn join(one: Part, other: &Part) -> Part {
    let (mut first, last) = if one.head.ts <= other.head.ts {
        (one, other.clone())
    } else {
        (other.clone(), one)
    };
    let end = |part: &Part| part.head.ts.saturating_add(part.duration);
    first.duration = end(&first).max(end(&last)).saturating_sub(first.head.ts);
    if first.uids.is_empty() {
        first.uids.push(first.head.uid);
    }
    let uids = if last.uids.is_empty() {
        vec![last.head.uid]
    } else {
        last.uids
    };
    for uid in uids {
        if !first.uids.contains(&uid) {
            first.uids.push(uid);
        }
    }
    let mut messages: Vec<(i64, Box<str>)> = first
        .msg_times
        .drain(..)
        .zip(first.msg_types.drain(..))
        .chain(last.msg_times.into_iter().zip(last.msg_types))
        .collect();
    // Of two at the same time, the one that is answered was first.
    messages.sort_by_key(|(at, kind)| (*at, turn(kind)));
    messages.truncate(MAX_MESSAGES);
    (first.msg_times, first.msg_types) = messages.into_iter().unzip();

    macro_rules! later {
        ($($field:ident),*) => {
            $(if last.$field.is_some() { first.$field = last.$field; })*
        };
    }
    later!(
        server_addr,
        host_name,
        client_fqdn,
        domain,
        requested_addr,
        assigned_addr,
        lease_time,
        client_message,
        server_message,
        vendor_class,
        relay_addr
    );
    // A client's own word goes before what a server says of it.
    let client_addr = [&first.client_addr, &last.client_addr]
        .into_iter()
        .flatten()
        .find(|address| Some(**address) != first.assigned_addr.map(Into::into))
        .or(last.client_addr.as_ref())
        .or(first.client_addr.as_ref())
        .copied();
    first.client_addr = client_addr;
    first.mac = first.mac.or(last.mac);
    if first.params.is_empty() {
        first.params = last.params;
    }
    if !last.routers.is_empty() {
        first.routers = last.routers;
    }
    if !last.dns_servers.is_empty() {
        first.dns_servers = last.dns_servers;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_record::{App, Head, Uid};

    fn part(uid: u32, ts: i64, messages: &[(&str, i64)]) -> Part {
        Part {
            head: Head {
                ts,
                uid: Uid([uid, 0, 0]),
                ..Head::default()
            },
            trans_id: 7,
            mac: Some("00:0b:82:01:fc:42".into()),
            msg_types: messages.iter().map(|(kind, _)| (*kind).into()).collect(),
            msg_times: messages.iter().map(|(_, at)| *at).collect(),
            duration: messages.last().unwrap().1 - ts,
            ..Part::default()
        }
    }

    fn dhcp(record: &Record) -> &Part {
        match record {
            Record::App(App::Dhcp(dhcp)) => dhcp,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn two_flows_are_one_transaction_whichever_comes_first() {
        let mut asked = part(1, 10, &[("DISCOVER", 10), ("REQUEST", 30)]);
        asked.host_name = Some("pc".into());
        let mut answered = part(2, 20, &[("OFFER", 20), ("ACK", 40)]);
        answered.assigned_addr = Some("10.0.0.9".parse().unwrap());
        answered.client_addr = Some("10.0.0.9".parse().unwrap());
        for parts in [[&asked, &answered], [&answered, &asked]] {
            let mut dhcp_ = Dhcp::default();
            let mut made = Vec::new();
            for part in parts {
                assert_eq!(dhcp_.take(part, &mut made), Fate::TakeIn);
            }
            let [record] = &made[..] else {
                panic!("{made:?}")
            };
            let joined = dhcp(record);
            let kinds: Vec<&str> = joined.msg_types.iter().map(|kind| &**kind).collect();
            assert_eq!(kinds, ["DISCOVER", "OFFER", "REQUEST", "ACK"]);
            assert_eq!(joined.uids, [Uid([1, 0, 0]), Uid([2, 0, 0])]);
            assert_eq!((joined.head.ts, joined.duration), (10, 30));
            assert_eq!(joined.host_name.as_deref(), Some("pc"));
            assert_eq!(joined.assigned_addr, answered.assigned_addr);
            assert!(dhcp_.waiting.is_empty());
        }
    }

    #[test]
    fn what_is_whole_goes_by_and_what_waits_in_vain_is_written() {
        let mut dhcp_ = Dhcp::default();
        let mut made = Vec::new();
        let whole = part(1, 0, &[("REQUEST", 0), ("ACK", 5)]);
        assert_eq!(dhcp_.take(&whole, &mut made), Fate::Write);
        let told = part(1, 0, &[("RELEASE", 0)]);
        assert_eq!(dhcp_.take(&told, &mut made), Fate::Write);
        let lonely = part(1, 0, &[("DISCOVER", 0)]);
        assert_eq!(dhcp_.take(&lonely, &mut made), Fate::TakeIn);
        dhcp_.release(WAIT - 1, &mut made);
        assert!(made.is_empty());
        dhcp_.release(WAIT, &mut made);
        assert_eq!(dhcp(&made[0]), &lonely);
        // The same number, long after.
        made.clear();
        let _ = dhcp_.take(&lonely, &mut made);
        let later = part(2, 2 * WAIT, &[("OFFER", 2 * WAIT)]);
        let _ = dhcp_.take(&later, &mut made);
        dhcp_.finish(&mut made);
        assert_eq!(made.len(), 2);
    }

    #[test]
    fn those_that_wait_are_bounded_and_none_is_lost() {
        let mut dhcp_ = Dhcp::default();
        let mut made = Vec::new();
        for id in 0..10_000 {
            let mut lonely = part(1, 0, &[("DISCOVER", 0)]);
            lonely.trans_id = id;
            let _ = dhcp_.take(&lonely, &mut made);
            assert!(dhcp_.order.len() <= MAX_WAITING && dhcp_.waiting.len() <= MAX_WAITING);
        }
        dhcp_.finish(&mut made);
        assert_eq!(made.len(), 10_000);
    }
}
