//! Every TCP stream of the corpus that is in a protocol we know, cut and sent as no sender would: one byte a segment, last first within the window, with overlaps and
//! copies, with copies that say something else, with holes. What a receiver would have got is the same, and so are the records; with holes they are fewer, or say less.

mod common;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use portreeve_app::registry::PROTOCOLS;
use portreeve_app::stream::Overlap;
use portreeve_app::testing::{From, Outcome, Play, timeless};
use portreeve_app::{Transport, Transports};
use portreeve_capture::file::FileSource;
use portreeve_capture::{Fetch, Source};
use portreeve_packet::{DecodeOptions, FlowKey, ViewFlags, Views, decode};
use portreeve_record::Record;

/// What is played of one direction, bytes.
const MOST: usize = 64 << 10;
/// What is played of one service, bytes: the streams that come first.
const MOST_OF_A_SERVICE: usize = 1 << 20;
/// What may be held of one stream both ways: out of order, and of a unit.
const MOST_HELD: usize = 2 * (portreeve_app::stream::MAX_HELD + portreeve_app::MAX_UNIT);

/// Protocols of which the corpus has no stream over TCP: STUN, the port mapper and mount are there in datagrams only (a message of STUN is made below), `MongoDB` not at all (cut beside the code that
/// recognises it).
const WITHOUT: [&str; 4] = ["stun", "mongodb", "portmapper", "mount"];

/// Fields that depend on how a stream is cut, as their pages say: whether a user was let in is judged by the sizes of segments.
const BY_SEGMENTS: [&str; 2] = ["auth_success=", "auth_attempts="];

/// A conversation over TCP: what each side sent, in turns.
struct Script {
    ports: [u16; 2],
    turns: Vec<(From, Vec<u8>)>,
}

/// One direction as it is put in order: the first copy counts.
#[derive(Default)]
struct Side {
    next: Option<u32>,
    early: BTreeMap<i32, Vec<u8>>,
    len: usize,
    lost: bool,
}

#[derive(Default)]
struct Flow {
    orig_is_high: Option<bool>,
    sides: [Side; 2],
    turns: Vec<(From, Vec<u8>)>,
}

impl Flow {
    fn take(&mut self, from: From, seq: u32, payload: &[u8], whole: bool) {
        let side = &mut self.sides[from as usize];
        side.lost |= !whole;
        let (Some(mut next), false) = (side.next, side.lost) else {
            return;
        };
        // How far ahead: the wrap of the numbers is nothing to a stream this short.
        side.early
            .entry(seq.wrapping_sub(next) as i32)
            .or_insert_with(|| payload.to_vec());
        let mut out = Vec::new();
        while let Some(entry) = side.early.first_entry() {
            let ahead = *entry.key();
            if ahead > 0 {
                break;
            }
            let bytes = entry.remove();
            let fresh = bytes
                .get(ahead.unsigned_abs() as usize..)
                .unwrap_or_default();
            next = next.wrapping_add(fresh.len() as u32);
            let step = fresh.len() as i32;
            side.early = std::mem::take(&mut side.early)
                .into_iter()
                .map(|(at, bytes)| (at - step, bytes))
                .collect();
            out.extend_from_slice(fresh);
        }
        side.next = Some(next);
        out.truncate(MOST - side.len);
        side.len += out.len();
        if out.is_empty() {
            return;
        }
        match self.turns.last_mut() {
            Some((last, bytes)) if *last == from => bytes.extend(out),
            _ => self.turns.push((from, out)),
        }
    }
}

/// The TCP conversations of a capture, each up to its first hole.
fn scripts(path: &Path) -> Vec<Script> {
    let mut flows: HashMap<FlowKey, Flow> = HashMap::new();
    let mut order = Vec::new();
    let Ok(mut source) = FileSource::open([path]) else {
        return Vec::new();
    };
    let (mut views, options) = (Views::default(), DecodeOptions::default());
    while let Ok(fetch) = source.next_burst() {
        let burst = match fetch {
            Fetch::Frames(burst) => burst,
            Fetch::Empty => continue,
            Fetch::End => break,
        };
        for (index, frame) in burst.frames().enumerate() {
            views.clear();
            decode(&frame.bytes(index as u16), &options, &mut views);
            for view in views.as_slice().iter().filter(|v| v.key.protocol == 6) {
                let fragment = ViewFlags::FIRST_FRAGMENT.0 | ViewFlags::LATER_FRAGMENT.0;
                if view.flags.0 & fragment != 0 {
                    continue;
                }
                let flow = flows.entry(view.key).or_insert_with(|| {
                    order.push(view.key);
                    Flow::default()
                });
                let flags = view.tcp_flags;
                if flags.syn() {
                    let orig_is_high = view.high_to_low() != flags.ack();
                    flow.orig_is_high.get_or_insert(orig_is_high);
                }
                // Where the beginning was not seen, who is first to speak is taken for the originator.
                let orig_is_high = *flow.orig_is_high.get_or_insert(view.high_to_low());
                let from =
                    [From::Orig, From::Resp][usize::from(view.high_to_low() != orig_is_high)];
                let seq = view.tcp_seq.wrapping_add(u32::from(flags.syn()));
                let side = &mut flow.sides[from as usize];
                if flags.syn() {
                    side.next.get_or_insert(seq);
                }
                if view.payload_len == 0 || flags.rst() {
                    continue;
                }
                side.next.get_or_insert(seq);
                let begin = view.payload_offset as usize;
                let payload = frame.data.get(begin..).unwrap_or_default();
                let captured = view.payload_captured.min(payload.len() as u32);
                let whole = captured == view.payload_len;
                flow.take(from, seq, &payload[..captured as usize], whole);
            }
        }
    }
    let mut scripts = Vec::new();
    for key in order {
        let Some(Flow {
            orig_is_high: Some(high),
            turns,
            ..
        }) = flows.remove(&key)
        else {
            continue;
        };
        let ports = if high {
            [key.high_port, key.low_port]
        } else {
            [key.low_port, key.high_port]
        };
        if !turns.is_empty() {
            scripts.push(Script { ports, turns });
        }
    }
    scripts
}

/// A generator of numbers: the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) as usize % below.max(1)
    }

    /// Bounds of pieces of `len` bytes, each of at most `most`.
    fn pieces(&mut self, len: usize, most: usize) -> Vec<(usize, usize)> {
        let (mut pieces, mut at) = (Vec::new(), 0);
        while at < len {
            let to = (at + 1 + self.below(most)).min(len);
            pieces.push((at, to));
            at = to;
        }
        pieces
    }
}

/// A way to send a turn: what is sent of `bytes`, the `offset`th and following of `from`'s stream.
type Way = fn(&mut Play, From, u32, &[u8], &mut Random);

fn in_order(play: &mut Play, from: From, offset: u32, bytes: &[u8], _: &mut Random) {
    play.segment(from, offset, bytes);
}

fn byte_by_byte(play: &mut Play, from: From, offset: u32, bytes: &[u8], _: &mut Random) {
    for (at, byte) in bytes.iter().enumerate() {
        play.segment(from, offset + at as u32, &[*byte]);
    }
}

fn last_byte_first(play: &mut Play, from: From, offset: u32, bytes: &[u8], _: &mut Random) {
    for (at, byte) in bytes.iter().enumerate().rev() {
        play.segment(from, offset + at as u32, &[*byte]);
    }
}

fn shuffled(play: &mut Play, from: From, offset: u32, bytes: &[u8], random: &mut Random) {
    let mut pieces = random.pieces(bytes.len(), 400);
    // Within windows of as many segments as holes are kept for.
    for window in pieces.chunks_mut(64) {
        for at in (1..window.len()).rev() {
            window.swap(at, random.below(at + 1));
        }
        for &(at, to) in &*window {
            play.segment(from, offset + at as u32, &bytes[at..to]);
        }
    }
}

/// Last first, each segment with some of the bytes before it and behind it, twice, and now and then one of long ago.
fn overlapping(play: &mut Play, from: From, offset: u32, bytes: &[u8], random: &mut Random) {
    let pieces = random.pieces(bytes.len(), 100);
    for &(at, to) in pieces.iter().rev() {
        let at = at.saturating_sub(random.below(30));
        let to = (to + random.below(30)).min(bytes.len());
        for _ in 0..2 {
            play.segment(from, offset + at as u32, &bytes[at..to]);
        }
    }
    let (at, to) = pieces[random.below(pieces.len())];
    play.segment(from, offset + at as u32, &bytes[at..to]);
}

/// What is behind the first byte comes twice before that, true and false.
fn contradicting(play: &mut Play, from: From, offset: u32, bytes: &[u8], random: &mut Random) {
    let first = random.below(2) == 0;
    play.overlap(if first { Overlap::First } else { Overlap::Last });
    let Some((head, behind)) = bytes.split_first() else {
        return;
    };
    let lie: Vec<u8> = behind.iter().map(|byte| byte ^ 0x15).collect();
    let copies = if first {
        [behind, &lie]
    } else {
        [&lie, behind]
    };
    for copy in copies {
        let pieces = random.pieces(copy.len(), 300);
        for &(at, to) in pieces.iter().rev() {
            play.segment(from, offset + 1 + at as u32, &copy[at..to]);
        }
    }
    play.segment(from, offset, &[*head]);
    // What was handed on stays, whichever copy counts.
    play.segment(from, offset, &vec![b'?'; bytes.len()]);
}

/// Pieces are missing, and yet acknowledged: so many are counted.
fn with_holes(holes: &Cell<usize>) -> impl Fn(&mut Play, From, u32, &[u8], &mut Random) {
    move |play, from, offset, bytes, random| {
        let mut pieces = random.pieces(bytes.len(), 600);
        if random.below(2) == 0 {
            pieces.reverse();
        }
        for (at, to) in pieces {
            if random.below(5) > 0 {
                play.segment(from, offset + at as u32, &bytes[at..to]);
            } else {
                holes.set(holes.get() + 1);
            }
        }
        let other = match from {
            From::Orig => From::Resp,
            From::Resp => From::Orig,
        };
        play.acknowledge(other, offset + bytes.len() as u32);
    }
}

const SAME: [(&str, Way); 5] = [
    ("byte by byte", byte_by_byte),
    ("last byte first", last_byte_first),
    ("shuffled", shuffled),
    ("overlapping", overlapping),
    ("contradicting", contradicting),
];

impl Script {
    fn play(&self, way: impl Fn(&mut Play, From, u32, &[u8], &mut Random), seed: u64) -> Outcome {
        let mut play = Play::new(Transport::Tcp, self.ports[0], self.ports[1]);
        let mut random = Random(seed);
        // Time is nothing that this is about.
        play.begin().step(1);
        let mut offsets = [0u32; 2];
        for (from, bytes) in &self.turns {
            let offset = &mut offsets[*from as usize];
            way(&mut play, *from, *offset, bytes, &mut random);
            *offset += bytes.len() as u32;
            assert!(play.held() <= MOST_HELD, "{} bytes are held", play.held());
        }
        play.finish()
    }

    fn len(&self) -> usize {
        self.turns.iter().map(|(_, bytes)| bytes.len()).sum()
    }
}

fn texts(outcome: &Outcome) -> Vec<String> {
    let texts = outcome.records.iter().map(timeless);
    texts
        .map(|text| {
            let fields = text.split(' ');
            let same = fields.filter(|field| !BY_SEGMENTS.iter().any(|by| field.starts_with(by)));
            same.collect::<Vec<_>>().join(" ")
        })
        .collect()
}

/// How the records differ, if they do.
fn difference(whole: &Outcome, other: &Outcome) -> Option<String> {
    if other.service != whole.service {
        return Some(format!("{:?} is {:?}", whole.service, other.service));
    }
    let (whole, other) = (texts(whole), texts(other));
    let missing = whole.iter().find(|text| !other.contains(text));
    let instead = other.iter().find(|text| !whole.contains(text));
    if missing.is_none() && instead.is_none() && whole.len() == other.len() {
        return None;
    }
    let mut text = format!("{} records are {}", whole.len(), other.len());
    let fields = |text: Option<&String>| -> Vec<String> {
        let fields = text.into_iter().flat_map(|text| text.split(' '));
        fields.map(str::to_owned).collect()
    };
    let (missing, instead) = (fields(missing), fields(instead));
    for (what, these, those) in [("not", &missing, &instead), ("but", &instead, &missing)] {
        let only = these.iter().filter(|field| !those.contains(field));
        let only: Vec<&str> = only.map(String::as_str).collect();
        let _ = write!(text, "\n    {what} {}", only.join(" "));
    }
    Some(text)
}

/// How many records there are, odd things apart.
fn records(outcome: &Outcome) -> usize {
    let odd = |record: &&Record| matches!(record, Record::Weird(_));
    outcome.records.len() - outcome.records.iter().filter(odd).count()
}

#[test]
fn segmentation_changes_nothing() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap();
    let mut played: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut seen = HashSet::new();
    let mut wrong = Vec::new();
    let captures = index
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').nth(1));
    for capture in captures {
        for (number, script) in scripts(&corpus.join(capture)).into_iter().enumerate() {
            let mut hash = DefaultHasher::new();
            for (from, bytes) in &script.turns {
                (*from as u8, bytes).hash(&mut hash);
            }
            if !seen.insert(hash.finish()) {
                continue;
            }
            let whole = script.play(in_order, 1);
            let Some(service) = whole.service else {
                continue;
            };
            // From their middle these are told by whole messages, as far as 256 segments reach.
            let whole_records = service == "ssl" && records(&whole) == 0;
            if whole_records || service == "tds" && script.len() > 256 {
                continue;
            }
            let (streams, bytes) = played.entry(service).or_default();
            if *bytes + script.len() > MOST_OF_A_SERVICE && *streams > 0 {
                continue;
            }
            *streams += 1;
            *bytes += script.len();
            let seed = hash.finish();
            for (name, way) in SAME {
                if let Some(difference) = difference(&whole, &script.play(way, seed)) {
                    wrong.push(format!("{capture} {number} {service} {name}: {difference}"));
                }
            }
            for seed in 1..=3 {
                let holes = Cell::new(0);
                let holed = script.play(with_holes(&holes), seed);
                let (there, count) = (records(&whole), records(&holed));
                // At each hole one message may become two.
                if count > there + holes.get() {
                    wrong.push(format!("{capture} {number} {service} with {} holes, {seed}: {count} records, not {there}", holes.get()));
                }
            }
        }
    }
    for (service, (streams, bytes)) in &played {
        eprintln!("{service}: {streams} streams, {bytes} bytes");
    }
    let services: BTreeSet<&str> = played.keys().flat_map(|names| names.split(',')).collect();
    for protocol in PROTOCOLS {
        let without = WITHOUT.contains(&protocol.name);
        if protocol.transports == Transports::Udp || services.contains(protocol.name) != without {
            continue;
        }
        wrong.push(format!("{}: no stream, or one after all", protocol.name));
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_message_of_stun_in_any_order() {
    let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    message.extend([7; 12]);
    let script = Script {
        ports: [40_000, 3478],
        turns: vec![(From::Orig, message)],
    };
    assert_eq!(script.play(in_order, 1).service, Some("stun"));
    for (name, way) in SAME {
        assert_eq!(script.play(way, 1).service, Some("stun"), "{name}");
    }
}
