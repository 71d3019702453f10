//! Any conversation in any protocol of the registry: the first byte says which (or that it is to be found out), the second what carries it, and then
//! each piece has a byte that says who sends it, or that it is missing, and one for its length. Nothing may panic, and at the end nothing may be held.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_app::Transport;
use portreeve_app::registry::PROTOCOLS;
use portreeve_app::testing::Play;

fuzz_target!(|input: &[u8]| {
    let [which, how, rest @ ..] = input else {
        return;
    };
    let wanted = PROTOCOLS.get(usize::from(*which));
    let transports = [Transport::Tcp, Transport::Udp];
    let mut transport = transports[usize::from(how & 1)];
    if let Some(protocol) = wanted
        && !protocol.transports.has(transport)
    {
        transport = transports[usize::from(how & 1 ^ 1)];
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
        let len = (usize::from(*len) << (who >> 6)).min(behind.len());
        let (piece, next) = behind.split_at(len);
        match who & 3 {
            0 | 1 if who & 32 != 0 && transport == Transport::Tcp => {
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
    play.finish();
});
