//! `seeds CAPTURES OUT`: makes inputs for the fuzz targets of real traffic, so that fuzzing begins where a parser is deep in a protocol and not at its first byte.
//!
//! ```text
//! capture files ─▶ small ones as they are                         ─▶ OUT/files
//!               └▶ frames ─▶ the first of each shape              ─▶ OUT/decode
//!                        └▶ conversations ─▶ detection ─┬▶ pieces ─▶ OUT/applications
//!                                                       └▶ frames ─▶ OUT/capture
//! ```
//!
//! What is written is bounded for each file and each protocol; the names are digests, so that the same input is written once.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{fs, io};

use portreeve_app::Transport;
use portreeve_app::registry::PROTOCOLS;
use portreeve_app::testing::Play;
use portreeve_capture::{Fetch, FileSource, Frame, Source};
use portreeve_fuzz::{ANY_PROTOCOL, LINKS, Piece, conversation, frame_input};
use portreeve_packet::{DecodeOptions, FlowKey, FrameBytes, View, Views, decode};

/// Captures up to so many bytes are inputs as they are.
const SMALL_FILE: u64 = 6 << 10;
/// Frames looked at in one capture.
const FRAMES: usize = 20_000;
/// Longer frames are left out as inputs.
const SHORT_FRAME: usize = 700;
/// Bytes and pieces of a conversation that are kept.
const BYTES: usize = 3000;
const PIECES: usize = 24;
/// Bytes and number of its frames.
const FRAME_BYTES: usize = 3500;
const OWN_FRAMES: usize = 20;
/// Conversations of one protocol that are kept, of one capture and in all.
const OF_A_FILE: usize = 2;
const IN_ALL: usize = 40;

/// One conversation's beginning.
struct Talk {
    transport: Transport,
    ports: [u16; 2],
    high_began: bool,
    /// The next sequence number of the low endpoint and of the high one.
    next: [Option<u32>; 2],
    pieces: Vec<Piece>,
    bytes: usize,
    /// Its first frames, and what link they are of.
    frames: Vec<(u8, Vec<u8>)>,
    frame_bytes: usize,
    link: u32,
}

impl Talk {
    fn of(view: &View, link: u32) -> Option<Talk> {
        let transport = match view.key.protocol {
            6 => Transport::Tcp,
            17 => Transport::Udp,
            _ => return None,
        };
        // A SYN with an acknowledgement is an answer.
        let answers = transport == Transport::Tcp && view.tcp_flags.syn() && view.tcp_flags.ack();
        let high_began = view.high_to_low() != answers;
        let FlowKey {
            low_port,
            high_port,
            ..
        } = view.key;
        Some(Talk {
            transport,
            ports: if high_began {
                [high_port, low_port]
            } else {
                [low_port, high_port]
            },
            high_began,
            next: [None; 2],
            pieces: Vec::new(),
            bytes: 0,
            frames: Vec::new(),
            frame_bytes: 0,
            link,
        })
    }

    /// Keeps a frame of it, copies and all, while there is room.
    fn keep(&mut self, frame: &[u8]) {
        if self.frames.len() < OWN_FRAMES && self.frame_bytes + frame.len() <= FRAME_BYTES {
            self.frame_bytes += frame.len();
            self.frames.push((1, frame.to_vec()));
        }
    }

    /// Adds what a packet says, unless it was said before.
    fn say(&mut self, view: &View, payload: &[u8]) {
        let side = usize::from(view.high_to_low());
        if self.transport == Transport::Tcp {
            let length = view.payload_len + u32::from(view.tcp_flags.syn());
            let seq = view.tcp_seq;
            if self.next[side].is_some_and(|next| (seq.wrapping_sub(next) as i32) < 0) {
                return;
            }
            self.next[side] = Some(seq.wrapping_add(length));
        }
        if payload.is_empty() || self.pieces.len() >= PIECES || self.bytes >= BYTES {
            return;
        }
        let kept = &payload[..payload.len().min(BYTES - self.bytes)];
        self.bytes += kept.len();
        self.pieces.push(Piece {
            responder: view.high_to_low() != self.high_began,
            bytes: kept.to_vec(),
        });
    }

    /// Which of the protocols it is in.
    fn protocol(&self) -> Option<usize> {
        let mut play = Play::new(self.transport, self.ports[0], self.ports[1]);
        for piece in &self.pieces {
            if piece.responder {
                play.resp(&piece.bytes);
            } else {
                play.orig(&piece.bytes);
            }
        }
        let service = play.finish().service?;
        PROTOCOLS.iter().position(|protocol| {
            protocol.transports.has(self.transport)
                && service.split(',').any(|name| name == protocol.name)
        })
    }
}

/// Writes inputs to a folder.
struct Out(PathBuf);

impl Out {
    fn write(&self, target: &str, input: &[u8]) -> io::Result<()> {
        let folder = self.0.join(target);
        fs::create_dir_all(&folder)?;
        let mut hasher = DefaultHasher::new();
        input.hash(&mut hasher);
        fs::write(folder.join(format!("seed-{:016x}", hasher.finish())), input)
    }
}

/// All files below a folder, in order.
fn files_below(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files_below(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// What was written so far.
#[derive(Default)]
struct Written {
    /// Conversations, by protocol.
    protocols: HashMap<Option<usize>, usize>,
    /// Shapes of frames: the link and what is in them.
    shapes: HashMap<Vec<u32>, usize>,
}

impl Written {
    fn frame(&mut self, frame: &Frame<'_>, views: &[View], out: &Out) -> io::Result<()> {
        let Some(link) = LINKS.iter().position(|link| *link == frame.link.number()) else {
            return Ok(());
        };
        let mut shape = vec![link as u32];
        for view in views {
            shape.extend([
                view.tunnel as u32,
                view.key.protocol.into(),
                view.key.version.into(),
                view.flags.0 >> 1,
                u32::from(view.icmp_type) << 8 | u32::from(view.icmp_code),
            ]);
        }
        let times = self.shapes.entry(shape).or_default();
        *times += 1;
        if *times <= 2 && frame.data.len() <= SHORT_FRAME {
            out.write("decode", &frame_input(link, frame.data))?;
        }
        Ok(())
    }

    fn conversations(&mut self, talks: Vec<Talk>, out: &Out) -> io::Result<()> {
        let mut here: HashMap<Option<usize>, usize> = HashMap::new();
        for talk in talks.iter().filter(|talk| !talk.pieces.is_empty()) {
            let protocol = talk.protocol();
            let (of_file, in_all) = (
                here.entry(protocol).or_default(),
                self.protocols.entry(protocol).or_default(),
            );
            if *of_file >= OF_A_FILE || *in_all >= IN_ALL {
                continue;
            }
            *of_file += 1;
            *in_all += 1;
            out.write(
                "applications",
                &conversation(ANY_PROTOCOL, talk.transport, &talk.pieces),
            )?;
            if let Some(protocol) = protocol {
                let input = conversation(protocol as u8, talk.transport, &talk.pieces);
                out.write("applications", &input)?;
            }
            if let Some(link) = LINKS.iter().position(|link| *link == talk.link) {
                out.write("capture", &portreeve_fuzz::capture(link, &talk.frames))?;
            }
        }
        Ok(())
    }
}

/// Reads a capture as far as it can be read.
fn capture(path: &Path, written: &mut Written, out: &Out) -> io::Result<()> {
    let Ok(mut source) = FileSource::open([path]) else {
        return Ok(());
    };
    let mut views = Box::<Views>::default();
    let mut places: HashMap<FlowKey, usize> = HashMap::new();
    let mut talks: Vec<Talk> = Vec::new();
    let mut frames = 0;
    while let Ok(fetched) = source.next_burst() {
        let burst = match fetched {
            Fetch::Frames(burst) => burst,
            Fetch::Empty => continue,
            Fetch::End => break,
        };
        for frame in burst.frames() {
            views.clear();
            let bytes = FrameBytes {
                data: frame.data,
                wire_len: frame.wire_len,
                timestamp: frame.timestamp,
                link: frame.link,
                vlan: frame.vlan,
                checksum_trusted: true,
                index: 0,
            };
            decode(&bytes, &DecodeOptions::default(), &mut views);
            written.frame(&frame, views.as_slice(), out)?;
            for view in views.as_slice() {
                let start = view.payload_offset as usize;
                let payload = frame
                    .data
                    .get(start..start + view.payload_captured as usize);
                let Some(talk) = Talk::of(view, frame.link.number()) else {
                    continue;
                };
                let place = *places.entry(view.key).or_insert_with(|| {
                    talks.push(talk);
                    talks.len() - 1
                });
                talks[place].say(view, payload.unwrap_or_default());
                talks[place].keep(frame.data);
            }
        }
        frames += burst.len();
        if frames > FRAMES {
            break;
        }
    }
    written.conversations(talks, out)
}

fn main() -> io::Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [captures, out] = arguments.as_slice() else {
        return Err(io::Error::other("usage: seeds CAPTURES OUT"));
    };
    let (out, mut written) = (Out(out.clone()), Written::default());
    let mut paths = Vec::new();
    files_below(captures, &mut paths)?;
    for path in paths {
        let size = fs::metadata(&path)?.len();
        let name = path.to_string_lossy();
        if ![".pcap", ".pcapng", ".cap"]
            .iter()
            .any(|end| name.ends_with(end))
        {
            continue;
        }
        if size <= SMALL_FILE {
            out.write("files", &fs::read(&path)?)?;
        }
        capture(&path, &mut written, &out)?;
    }
    Ok(())
}
