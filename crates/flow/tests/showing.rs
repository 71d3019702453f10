//! What a watcher is shown, and when: behind the counting of a burst, by port, each flow in its order.

mod common;

use common::by_hand::{A, F, R, S, tcp};
use portreeve_flow::{Findings, Flow, Tracker, TrackerConfig, Watcher};
use portreeve_packet::{View, Views};
use portreeve_record::{Record, RecordSink};

/// What happened, in its order: the first host's port, and the sequence number of a packet, or nothing where the flow was over.
#[derive(Default)]
struct Seen {
    events: Vec<(u16, Option<u32>)>,
    /// Where the originator's stream began, as far as was known.
    first: Vec<Option<u32>>,
    /// So many packets are wanted of a flow.
    wanted: usize,
}

fn port(flow: &Flow<'_>) -> u16 {
    flow.endpoints().1
}

impl Watcher for Seen {
    fn begin(&mut self, _: u32, _: u8) -> bool {
        true
    }

    fn packet(&mut self, _: u32, view: &View, flow: &Flow<'_>, _: &mut impl RecordSink) -> bool {
        let port = port(flow);
        self.events.push((port, Some(view.tcp_seq)));
        self.first.push(flow.first_seq(0));
        self.events.iter().filter(|(of, _)| *of == port).count() < self.wanted
    }

    fn findings(&self, _: u32) -> Findings {
        Findings::default()
    }

    fn end(&mut self, _: u32, flow: &Flow<'_>, _: &mut impl RecordSink) -> Findings {
        self.events.push((port(flow), None));
        Findings::default()
    }
}

/// The packet, with another port of the first host.
fn from_port(port: u16, mut view: View) -> View {
    view.key.low_port = port;
    view
}

fn watch(wanted: usize, bursts: &[&[View]]) -> Seen {
    let mut tracker = Tracker::new(TrackerConfig::default()).unwrap();
    let mut seen = Seen {
        wanted,
        ..Seen::default()
    };
    let mut records: Vec<Record> = Vec::new();
    for burst in bursts {
        let mut views = Views::default();
        for view in *burst {
            assert!(views.push(*view));
        }
        tracker.process_watched(&mut views, &mut seen, &mut records);
    }
    while tracker.drain_watched(&mut seen, &mut records) {}
    seen
}

/// A conversation's packets from this port: handshake, one request, one answer.
fn conversation(port: u16, begin: u32) -> Vec<View> {
    [
        tcp(0, true, S, begin, 0, 0),
        tcp(1, false, S | A, 5000, begin + 1, 0),
        tcp(2, true, A, begin + 1, 5001, 0),
        tcp(3, true, A, begin + 1, 5001, 100),
        tcp(4, false, A, 5001, begin + 101, 200),
    ]
    .map(|view| from_port(port, view))
    .to_vec()
}

#[test]
fn packets_come_by_port_and_those_of_a_flow_in_their_order() {
    let (a, b) = (conversation(2000, 100), conversation(1000, 900));
    let mixed: Vec<View> = a.iter().zip(&b).flat_map(|(a, b)| [*a, *b]).collect();
    let order = |seen: &Seen| -> Vec<_> {
        let packets = seen.events.iter();
        packets
            .filter_map(|(port, seq)| Some((*port, (*seq)?)))
            .collect()
    };
    let of = |port, begin| -> Vec<_> {
        let seqs = [begin, 5000, begin + 1, begin + 1, 5001];
        seqs.map(|seq| (port, seq)).to_vec()
    };
    let seen = watch(usize::MAX, &[&mixed]);
    assert_eq!(order(&seen), [of(1000, 900), of(2000, 100)].concat());
    // Whatever the bursts are, a flow's own packets are these.
    for size in [1, 3, 7] {
        let bursts: Vec<&[View]> = mixed.chunks(size).collect();
        let mut alone = order(&watch(usize::MAX, &bursts));
        alone.sort_by_key(|(port, _)| *port);
        assert_eq!(alone, order(&seen), "{size}");
    }
}

#[test]
fn what_ends_in_the_middle_of_a_burst_is_shown_first() {
    // A connection, reset, and another of the same ports behind it.
    let mut burst = conversation(1000, 100);
    burst.push(from_port(1000, tcp(5, true, R | A, 101, 5201, 0)));
    burst.extend(conversation(1000, 70_000));
    let seen = watch(usize::MAX, &[&burst]);
    let of = |begin| [begin, 5000, begin + 1, begin + 1, 5001].map(Some);
    let expected = [&of(100)[..], &[Some(101), None], &of(70_000)[..], &[None]].concat();
    let events: Vec<_> = seen.events.iter().map(|(_, seq)| *seq).collect();
    assert_eq!(events, expected);
}

#[test]
fn a_later_syn_does_not_move_the_beginning_of_what_came_before_it() {
    let mut burst = conversation(1000, 100);
    burst.push(from_port(1000, tcp(5, true, S, 4_000_000, 0, 0)));
    let seen = watch(usize::MAX, &[&burst]);
    assert_eq!(seen.first[..5], [Some(101); 5]);
}

#[test]
fn who_has_enough_is_shown_nothing_of_the_next_burst() {
    let burst = conversation(1000, 100);
    let close = [from_port(1000, tcp(9, true, F | A, 101, 5201, 0))];
    let seen = watch(2, &[&burst, &close]);
    let packets = seen.events.iter().filter(|(_, seq)| seq.is_some()).count();
    assert_eq!(packets, burst.len());
}
