//! Conversations that are made up: a week of an office, the same each time.
//!
//! 4000 hosts of our own and 50 000 others, by Zipf's law; web, DNS and the rest in the shares that such networks have; sizes and times spread over
//! orders of magnitude; a fifth attempts without answer.

use std::net::{IpAddr, Ipv4Addr};

use portreeve_bench::random::{Random, Zipf};
use portreeve_record::{Conn, ConnState, Uid};

/// 2026-11-01 00:00:00 UTC, nanoseconds since 1970.
const BEGIN: i64 = 1_793_491_200 * SECOND;
/// Seconds of a week.
pub(crate) const WEEK: u64 = 7 * 86_400;
const SECOND: i64 = 1_000_000_000;

/// Service, transport protocol, port, and how many of a thousand flows it has.
const KINDS: [(Option<&str>, u8, u16, u64); 9] = [
    (Some("dns"), 17, 53, 420),
    (Some("ssl"), 6, 443, 280),
    (Some("quic"), 17, 443, 110),
    (Some("http"), 6, 80, 50),
    (Some("ntp"), 17, 123, 30),
    (Some("ssh"), 6, 22, 20),
    (Some("smb"), 6, 445, 20),
    (None, 6, 8443, 40),
    (None, 17, 40_000, 30),
];

/// Makes conversations up, one after the other in time.
pub(crate) struct Flows {
    random: Random,
    ours: Zipf,
    others: Zipf,
    step: i64,
    made: u64,
}

impl Flows {
    /// So many, which begin within so many seconds.
    pub fn new(flows: u64, seconds: u64) -> Self {
        let length = SECOND.saturating_mul(i64::try_from(seconds).unwrap_or(i64::MAX));
        Flows {
            random: Random::new(7),
            ours: Zipf::new(4000),
            others: Zipf::new(50_000),
            step: length / i64::try_from(flows.max(1)).unwrap_or(i64::MAX),
            made: 0,
        }
    }

    /// The next one.
    pub fn next(&mut self) -> Conn {
        let random = &mut self.random;
        let at = BEGIN + self.step * i64::try_from(self.made).unwrap_or(0);
        self.made += 1;
        let mut pick = random.below(1000);
        let (service, ip_proto, port, _) = KINDS
            .into_iter()
            .find(|(.., share)| {
                let found = pick < *share;
                pick = pick.saturating_sub(*share);
                found
            })
            .unwrap_or(KINDS[0]);
        let ours = self.ours.rank(random) as u32;
        let other = self.others.rank(random) as u32;
        let answered = random.below(5) != 0;
        let length = (random.unit() * 14.0).exp2() as u64;
        // A record is written at the end of its flow: what began before it may be written after it.
        let duration = i64::try_from(random.below(60) * random.below(1_000_000_000)).unwrap_or(0);
        let mut conn = Conn {
            ts: at - duration.min(60 * SECOND),
            uid: Uid([
                random.bits() as u32,
                random.bits() as u32,
                random.bits() as u32,
            ]),
            orig_h: IpAddr::V4(Ipv4Addr::from(
                0x0a00_0000 + ((ours / 250) << 8) + ours % 250 + 1,
            )),
            orig_p: 32_768 + random.below(28_000) as u16,
            resp_h: IpAddr::V4(Ipv4Addr::from(
                0xc633_0000_u32.wrapping_add(other.wrapping_mul(2_654_435_761) >> 8),
            )),
            resp_p: port,
            ip_proto,
            service: service.filter(|_| answered),
            duration: answered.then_some(duration),
            conn_state: match (answered, ip_proto) {
                (true, _) => ConnState::SF,
                (false, 6) if random.below(3) == 0 => ConnState::REJ,
                (false, _) => ConnState::S0,
            },
            local_orig: Some(true),
            local_resp: Some(false),
            ..Conn::default()
        };
        for letter in if answered { "ShADadFf" } else { "S" }.bytes() {
            conn.history.push(letter);
        }
        conn.orig.pkts = 1 + length / 700;
        conn.orig.ip_bytes = 40 * conn.orig.pkts + length / 8;
        conn.orig.bytes = Some(length / 8);
        if answered {
            conn.resp.pkts = 1 + length / 500;
            conn.resp.ip_bytes = 40 * conn.resp.pkts + length;
            conn.resp.bytes = Some(length);
        }
        if ip_proto == 6 {
            let rtt = |random: &mut Random| (1 << 18) + random.below(1 << 27) as i64;
            conn.syn_rtt = answered.then(|| rtt(random));
            conn.ack_rtt = answered.then(|| rtt(random) / 100);
            conn.orig.mss = Some(1460);
            conn.orig.window_scale = Some(7);
            conn.orig.max_window = 64_240;
            conn.resp.mss = answered.then_some(1460);
            conn.resp.window_scale = answered.then_some(9);
            conn.resp.max_window = if answered { 65_160 } else { 0 };
            conn.orig.retransmits = u32::from(random.below(50) == 0);
        }
        conn
    }
}
