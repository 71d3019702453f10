//! Any conversation in any protocol of the registry: the first byte says which (or that it is to be found out), the second what carries it, and then
//! each piece has two bytes that say who sends it, or that it is missing, and its length. Nothing may panic, at the end nothing may be held, and
//! each record can be read in each dialect.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_app::Transport;
use portreeve_app::registry::PROTOCOLS;
use portreeve_app::testing::Play;
use portreeve_fuzz::{GAP, Spelling, TRANSPORTS, length};

thread_local! {
    static SPELLING: std::cell::RefCell<Spelling> = std::cell::RefCell::default();
}

fuzz_target!(|input: &[u8]| {
    let [which, how, rest @ ..] = input else {
        return;
    };
    let wanted = PROTOCOLS.get(usize::from(*which));
    let mut transport = TRANSPORTS[usize::from(how & 1)];
    if let Some(protocol) = wanted
        && !protocol.transports.has(transport)
    {
        transport = TRANSPORTS[usize::from(how & 1 ^ 1)];
    }
    let port = wanted
        .and_then(|protocol| protocol.ports.first())
        .map_or(1, |port| *port);
    let mut play = match wanted {
        Some(protocol) if how & 2 == 0 => Play::of(protocol, transport, 40_000, port),
        _ => Play::new(transport, 40_000, port),
    };
    let mut rest = rest;
    while let [who, len, behind @ ..] = rest {
        let len = length(*who, *len).min(behind.len());
        let (piece, next) = behind.split_at(len);
        match who & 3 {
            0 | 1 if who & GAP != 0 && transport == Transport::Tcp => {
                if who & 1 == 0 {
                    play.orig_gap(len as u32);
                } else {
                    play.resp_gap(len as u32);
                }
            }
            0 | 2 => {
                play.orig(piece);
            }
            _ => {
                play.resp(piece);
            }
        }
        rest = next;
    }
    let records = play.finish().records;
    SPELLING.with_borrow_mut(|spelling| records.iter().for_each(|record| spelling.check(record)));
});
