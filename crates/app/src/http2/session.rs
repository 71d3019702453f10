//! The session: frames of both sides.

use super::frame::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, HEADER, HEADERS, PADDED, PREFACE,
    PUSH_PROMISE, RST_STREAM, SETTINGS,
};
use super::hpack::{Broken, Decoder};
use super::streams::Streams;
use crate::file::kind;
use crate::protocol::{Peer, Want};
use crate::{Context, Reader};

/// The most bytes of a block of fields, over all its frames: a side that sends more is not followed.
const MAX_BLOCK: usize = 64 << 10;
/// The most bytes of settings that are looked at.
const MAX_SETTINGS: usize = 600;
/// The setting that says how large the other's table may be.
const HEADER_TABLE_SIZE: u16 = 1;

/// What comes next of a side.
#[derive(Clone, Copy, Debug)]
enum State {
    Preface,
    Header,
    /// A payload that is wanted whole.
    Payload(Frame),
    /// The first `len` bytes of DATA.
    Prefix {
        frame: Frame,
        len: usize,
    },
    /// So many bytes that nobody looks at: of DATA, for the stream of that number.
    Skip {
        len: usize,
        of: Option<u32>,
    },
    /// Nothing any more.
    Over,
}

/// One side of a connection.
#[derive(Debug)]
struct Side {
    state: State,
    decoder: Decoder,
    /// A block of fields that goes on: its first frame's header, the stream it is about, and what came of it.
    block: Option<(Frame, u32, Vec<u8>)>,
}

/// A connection of HTTP/2.
#[derive(Debug)]
pub(super) struct Session {
    sides: [Side; 2],
    streams: Streams,
}

impl Default for Session {
    fn default() -> Self {
        let side = |state| Side {
            state,
            decoder: Decoder::default(),
            block: None,
        };
        Session {
            sides: [side(State::Preface), side(State::Header)],
            streams: Streams::default(),
        }
    }
}

impl crate::Session for Session {
    fn start(&mut self, peer: Peer) -> Want {
        self.want(peer)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let next = match self.sides[peer.index()].state {
            State::Preface if unit == PREFACE => State::Header,
            State::Header => match Frame::split(unit) {
                Some((frame, _)) => self.frame(peer, frame, context),
                None => State::Over,
            },
            State::Payload(frame) => self.payload(peer, frame, unit, context),
            State::Prefix { frame, .. } => self.data(peer, frame, unit, context),
            _ => State::Over,
        };
        self.sides[peer.index()].state = next;
        self.want(peer)
    }

    fn skipped(&mut self, peer: Peer, context: &mut Context<'_>) -> Want {
        let side = &mut self.sides[peer.index()];
        if let State::Skip { of, .. } = side.state {
            side.state = State::Header;
            if let Some(stream) = of {
                self.streams.ended(stream, peer, context);
            }
        }
        self.want(peer)
    }

    fn gap(&mut self, peer: Peer, _: &[u8], _: u64, _: &mut Context<'_>) -> Want {
        // Neither the next frame's place nor the table of fields is known any more.
        self.sides[peer.index()].state = State::Over;
        Want::Nothing
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.streams.end(context);
    }
}

impl Session {
    fn want(&self, peer: Peer) -> Want {
        match self.sides[peer.index()].state {
            State::Preface => Want::Bytes(PREFACE.len()),
            State::Header => Want::Bytes(HEADER),
            State::Payload(frame) => Want::Bytes(frame.len),
            State::Prefix { len, .. } => Want::Bytes(len),
            State::Skip { len, .. } => Want::Skip(len as u64),
            State::Over => Want::Nothing,
        }
    }

    /// A frame begins.
    fn frame(&mut self, peer: Peer, frame: Frame, context: &mut Context<'_>) -> State {
        // Nothing may come between the frames of a block (RFC 9113 section 4.3).
        let goes_on = self.sides[peer.index()].block.is_some();
        if goes_on != (frame.kind == CONTINUATION) {
            return State::Over;
        }
        match frame.kind {
            DATA => self.data_begins(peer, frame, context),
            HEADERS | PUSH_PROMISE | CONTINUATION if frame.len > MAX_BLOCK => State::Over,
            HEADERS | PUSH_PROMISE | CONTINUATION if frame.len == 0 => {
                self.payload(peer, frame, &[], context)
            }
            HEADERS | PUSH_PROMISE | CONTINUATION => State::Payload(frame),
            SETTINGS if !frame.has(ACK) && (1..=MAX_SETTINGS).contains(&frame.len) => {
                State::Payload(frame)
            }
            _ => {
                if frame.kind == RST_STREAM {
                    self.streams.reset(frame.stream, context);
                }
                skip(frame.len, None)
            }
        }
    }

    fn payload(
        &mut self,
        peer: Peer,
        frame: Frame,
        payload: &[u8],
        context: &mut Context<'_>,
    ) -> State {
        if frame.kind == SETTINGS {
            let mut reader = Reader::new(payload);
            while let Some((setting, value)) = reader.u16().zip(reader.u32()) {
                if setting == HEADER_TABLE_SIZE {
                    self.sides[peer.other().index()].decoder.allow(value);
                }
            }
            return State::Header;
        }
        match self.block_part(peer, frame, payload, context) {
            Ok(()) => State::Header,
            Err(Broken) => {
                context.weird("http2_broken_fields");
                State::Over
            }
        }
    }

    /// A part of a block of fields; the last, if its flag says so.
    fn block_part(
        &mut self,
        peer: Peer,
        frame: Frame,
        payload: &[u8],
        context: &mut Context<'_>,
    ) -> Result<(), Broken> {
        let (stream, part) = frame.block(payload).ok_or(Broken)?;
        let side = &mut self.sides[peer.index()];
        let ends = frame.has(END_HEADERS);
        match side.block.take() {
            None if ends => self.fields(peer, frame, stream, part, context),
            None => {
                side.block = Some((frame, stream, part.to_vec()));
                Ok(())
            }
            Some((first, stream, mut block)) => {
                if block.len() + part.len() > MAX_BLOCK || first.stream != frame.stream {
                    return Err(Broken);
                }
                block.extend_from_slice(part);
                if ends {
                    return self.fields(peer, first, stream, &block, context);
                }
                side.block = Some((first, stream, block));
                Ok(())
            }
        }
    }

    /// A whole block of fields, of which `frame` is the first frame.
    fn fields(
        &mut self,
        peer: Peer,
        frame: Frame,
        stream: u32,
        block: &[u8],
        context: &mut Context<'_>,
    ) -> Result<(), Broken> {
        // A server that promises a response says the request it is for.
        let promised = frame.kind == PUSH_PROMISE;
        if stream == 0 {
            return Err(Broken);
        }
        let whose = if promised { Peer::Client } else { peer };
        let decoder = &mut self.sides[peer.index()].decoder;
        let Some(open) = self.streams.open(stream, context) else {
            return decoder.decode(block, &mut |_, _| {});
        };
        let trailers = open.has_fields(whose);
        decoder.decode(block, &mut |name, value| {
            if !trailers {
                open.field(whose, name, value);
            }
        })?;
        open.fields_end(whose);
        if promised || frame.has(END_STREAM) {
            self.streams.ended(stream, whose, context);
        }
        Ok(())
    }

    fn data_begins(&mut self, peer: Peer, frame: Frame, context: &mut Context<'_>) -> State {
        let wants_prefix = self
            .streams
            .get(frame.stream)
            .is_some_and(|stream| stream.wants_prefix(peer));
        if frame.len > 0 && (wants_prefix || frame.has(PADDED)) {
            let len = frame.len.min(kind::PREFIX);
            return State::Prefix { frame, len };
        }
        self.data(peer, frame, &[], context)
    }

    /// DATA, of which `prefix` was to be looked at.
    fn data(
        &mut self,
        peer: Peer,
        frame: Frame,
        prefix: &[u8],
        context: &mut Context<'_>,
    ) -> State {
        let (padding, content) = match prefix.split_first() {
            Some((padding, content)) if frame.has(PADDED) => (1 + usize::from(*padding), content),
            _ => (0, prefix),
        };
        if let Some(stream) = self.streams.get(frame.stream) {
            let len = frame.len.saturating_sub(padding);
            stream.content(peer, len as u64);
            if len > 0 && stream.wants_prefix(peer) {
                stream.look_at(peer, content.get(..len).unwrap_or(content));
            }
        }
        let ends = frame.has(END_STREAM);
        let left = frame.len.saturating_sub(prefix.len());
        if left == 0 && ends {
            self.streams.ended(frame.stream, peer, context);
        }
        skip(left, ends.then_some(frame.stream))
    }
}

/// So many bytes are not looked at, behind which this side's part of that stream ends.
fn skip(len: usize, of: Option<u32>) -> State {
    match len {
        0 => State::Header,
        _ => State::Skip { len, of },
    }
}
