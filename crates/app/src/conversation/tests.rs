use portreeve_record::Record;
use portreeve_record::app::dns::Dns;

use super::*;
use crate::context::Context;
use crate::protocol::{Transports, Verdict};
use crate::testing::{From, Play};

/// Lines, each with a length behind which so many bytes are skipped; `*` hands over to itself, `!` ends it, `enough` wants nothing of the other side. What it saw ends up as the query of a record.
struct Lines {
    seen: String,
}

static LINES: Protocol = Protocol {
    name: "lines",
    transports: Transports::Both,
    ports: &[],
    detect: |_| Verdict::No,
    session: |_| {
        Box::new(Lines {
            seen: String::new(),
        })
    },
};

impl Session for Lines {
    fn start(&mut self, _: Peer) -> Want {
        Want::Line(8)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let line = String::from_utf8_lossy(unit);
        self.seen.push(if peer == Peer::Client { '>' } else { '<' });
        self.seen.push_str(line.trim_end());
        match line.trim_end() {
            "*" => context.hand_over(&LINES),
            "!" => context.done(),
            "other" => context.want(peer.other(), Want::Bytes(3)),
            "enough" => context.want(peer.other(), Want::Nothing),
            number => {
                if let Ok(number) = number.parse() {
                    return Want::Skip(number);
                }
            }
        }
        Want::Line(8)
    }

    fn skipped(&mut self, peer: Peer, context: &mut Context<'_>) -> Want {
        self.seen.push_str(&format!("({})", context.skipped(peer)));
        Want::Line(8)
    }

    fn gap(&mut self, _: Peer, rest: &[u8], missing: u64, _: &mut Context<'_>) -> Want {
        let rest = String::from_utf8_lossy(rest);
        self.seen.push_str(&format!("[{rest}+{missing}]"));
        Want::Line(8)
    }

    fn closed(&mut self, _: Peer, rest: &[u8], _: &mut Context<'_>) {
        self.seen
            .push_str(&format!("{}.", String::from_utf8_lossy(rest)));
    }

    fn end(&mut self, context: &mut Context<'_>) {
        let query = Some(self.seen.as_str().into());
        let head = context.head(context.now());
        context.emit(Dns {
            head,
            query,
            ..Dns::default()
        });
    }
}

fn seen(records: &[Record]) -> Vec<&str> {
    records
        .iter()
        .filter_map(|record| match record {
            Record::App(portreeve_record::App::Dns(dns)) => dns.query.as_deref(),
            _ => None,
        })
        .collect()
}

fn play(pieces: &[&[u8]]) -> Vec<String> {
    let mut play = Play::of(&LINES, Transport::Tcp, 1, 2);
    for piece in pieces {
        play.orig(piece);
    }
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("lines"));
    seen(&outcome.records)
        .into_iter()
        .map(str::to_owned)
        .collect()
}

#[test]
fn units_are_whole_however_they_come() {
    let script = b"ab\n5\n12345cd\nlonger than eight\n\n*\nnew\nrest";
    let whole = play(&[script]);
    assert_eq!(whole, [">ab>5(5)>cd>longer t>han eigh>t>>*", ">newrest.."]);
    for size in 1..script.len() {
        let pieces: Vec<&[u8]> = script.chunks(size).collect();
        assert_eq!(play(&pieces), whole, "{size}");
    }
}

#[test]
fn gaps_are_told_except_in_what_is_skipped() {
    let mut play = Play::of(&LINES, Transport::Tcp, 1, 2);
    play.orig(b"9\n1234")
        .orig_gap(3)
        .orig(b"89a\nb")
        .orig_gap(7)
        .orig(b"c\n");
    assert_eq!(seen(&play.finish().records), [">9(6)>a[b+7]>c.."]);
    let mut play = Play::of(&LINES, Transport::Tcp, 1, 2);
    play.orig(b"3\n1").orig_gap(7).orig(b"a\n");
    assert_eq!(seen(&play.finish().records), [">3[+7]>a.."]);
}

#[test]
fn a_packet_that_carries_nothing_says_where_a_stream_is() {
    let mut play = Play::of(&LINES, Transport::Tcp, 1, 2);
    play.orig(b"one\n").quiet(From::Resp, 7).resp(b"two\n");
    // Where it begins is known: nothing that is said there changes it.
    play.quiet(From::Resp, 0).resp(b"three\n");
    assert_eq!(seen(&play.finish().records), [">one[+7]<two<three.."]);
}

#[test]
fn what_came_too_early_is_nobodys_when_the_other_side_closes() {
    let mut play = Play::of(&LINES, Transport::Tcp, 1, 2);
    play.begin().orig(b"enough\n");
    play.segment(From::Resp, 100, b"early");
    assert_eq!(play.held(), 5);
    play.close(From::Orig);
    assert_eq!(play.held(), 0);
    assert_eq!(seen(&play.finish().records), [">enough."]);
}

#[test]
fn a_subscriber_sees_the_same_bytes_beside_the_protocol_and_longer() {
    let lines = || {
        Box::new(Lines {
            seen: String::new(),
        })
    };
    let mut play = Play::new(Transport::Tcp, 50_000, 22).subscribed(lines());
    play.orig(b"SSH-2.0-a\r\n")
        .resp(b"SSH-2.0-b\r\n")
        .orig(b"3\n12");
    play.orig(b"3x\n");
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("ssh"));
    assert_eq!(seen(&outcome.records), [">SSH-2.0->a<SSH-2.0-<b>3(3)>x.."]);
    // Where no protocol is found, and of datagrams.
    let mut play = Play::new(Transport::Tcp, 1, 2).subscribed(lines());
    play.orig(b"\xff\xfe\xfd\n").orig(b"a\n!\n").orig(b"b\n");
    let outcome = play.finish();
    assert_eq!(seen(&outcome.records).len(), 1);
    assert!(seen(&outcome.records)[0].ends_with(">a>!"));
    let mut play = Play::new(Transport::Udp, 1, 2).subscribed(lines());
    play.orig(b"one").resp(b"two");
    assert_eq!(seen(&play.finish().records), [">one<two.."]);
}

#[test]
fn what_is_wanted_of_the_other_peer_counts_for_what_it_has_sent() {
    let mut play = Play::of(&LINES, Transport::Tcp, 1, 2);
    play.resp(b"abcdef")
        .orig(b"other\n")
        .resp(b"g\n!\n")
        .orig(b"more\n");
    assert_eq!(seen(&play.finish().records), [">other<abc<defg<!"]);
}
