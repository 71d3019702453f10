//! The session: frames of both sides.

use super::frame::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, HEADER, HEADERS, PADDED, PREFACE,
    PUSH_PROMISE, RST_STREAM, SETTINGS,
};
use super::hpack::{Broken, Decoder};
use super::streams::Streams;
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
    /// How long the padding of DATA is.
    Padding(Frame),
    /// The next `len` bytes of DATA, which are looked at.
    Content {
        data: Data,
        len: usize,
    },
    /// The rest of DATA, which nobody looks at.
    Passing(Data),
    /// So many bytes of something that nobody looks at.
    Skip(usize),
    /// Nothing any more.
    Over,
}

/// What is left of a frame of DATA.
#[derive(Clone, Copy, Debug)]
struct Data {
    stream: u32,
    content: usize,
    padding: usize,
    /// The stream ends with it.
    ends: bool,
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
            State::Padding(frame) => self.padded(peer, frame, unit, context),
            State::Content { mut data, .. } => {
                self.content(peer, &data, unit, context);
                data.content = data.content.saturating_sub(unit.len());
                self.data(peer, data, context)
            }
            _ => State::Over,
        };
        self.sides[peer.index()].state = next;
        self.want(peer)
    }

    fn skipped(&mut self, peer: Peer, context: &mut Context<'_>) -> Want {
        self.sides[peer.index()].state = match self.sides[peer.index()].state {
            State::Passing(data) => {
                let len = data.content + data.padding;
                let missing = (len as u64).saturating_sub(context.skipped(peer));
                self.passed(peer, &data, missing, context);
                let none = Data {
                    content: 0,
                    padding: 0,
                    ..data
                };
                self.data(peer, none, context)
            }
            State::Skip(_) => State::Header,
            _ => State::Over,
        };
        self.want(peer)
    }

    fn gap(&mut self, peer: Peer, rest: &[u8], missing: u64, context: &mut Context<'_>) -> Want {
        if let State::Content { data, .. } = self.sides[peer.index()].state {
            self.content(peer, &data, rest, context);
            if let Some(stream) = self.streams.get(data.stream) {
                let left = data.content.saturating_sub(rest.len()) as u64;
                stream.passed(peer, 0, missing.min(left), context.now());
            }
        }
        // Neither the next frame's place nor the table of fields is known any more.
        self.sides[peer.index()].state = State::Over;
        Want::Nothing
    }

    fn closed(&mut self, peer: Peer, rest: &[u8], context: &mut Context<'_>) {
        match self.sides[peer.index()].state {
            State::Content { data, .. } => self.content(peer, &data, rest, context),
            State::Passing(data) => {
                if let Some(stream) = self.streams.get(data.stream) {
                    let seen = context.skipped(peer).min(data.content as u64);
                    stream.passed(peer, seen, 0, context.now());
                }
            }
            _ => {}
        }
        self.sides[peer.index()].state = State::Over;
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
            State::Padding(_) => Want::Bytes(1),
            State::Content { len, .. } => Want::Bytes(len),
            State::Passing(data) => Want::Skip((data.content + data.padding) as u64),
            State::Skip(len) => Want::Skip(len as u64),
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
            DATA if frame.has(PADDED) && frame.len > 0 => State::Padding(frame),
            DATA => self.data(
                peer,
                Data {
                    stream: frame.stream,
                    content: frame.len,
                    padding: 0,
                    ends: frame.has(END_STREAM),
                },
                context,
            ),
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
                match frame.len {
                    0 => State::Header,
                    len => State::Skip(len),
                }
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
        let Some(open) = self.streams.open(stream, whose, context) else {
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

    /// DATA with padding, whose length stands at the front.
    fn padded(
        &mut self,
        peer: Peer,
        frame: Frame,
        unit: &[u8],
        context: &mut Context<'_>,
    ) -> State {
        let behind = frame.len.saturating_sub(1);
        let padding = behind.min(unit.first().copied().unwrap_or(0).into());
        let data = Data {
            stream: frame.stream,
            content: behind - padding,
            padding,
            ends: frame.has(END_STREAM),
        };
        self.data(peer, data, context)
    }

    /// What is left of DATA.
    fn data(&mut self, peer: Peer, data: Data, context: &mut Context<'_>) -> State {
        if data.content + data.padding == 0 {
            if data.ends {
                self.streams.ended(data.stream, peer, context);
            }
            return State::Header;
        }
        let stream = self.streams.get(data.stream);
        let wanted = match (data.content, stream) {
            (1.., Some(stream)) => stream.wanted(peer, context),
            _ => 0,
        };
        match wanted.min(data.content) {
            0 => State::Passing(data),
            len => State::Content { data, len },
        }
    }

    /// Content that was to be looked at.
    fn content(&mut self, peer: Peer, data: &Data, bytes: &[u8], context: &Context<'_>) {
        if let Some(stream) = self.streams.get(data.stream) {
            stream.data(peer, bytes, context);
        }
    }

    /// The rest of DATA has gone by, but for what was missing.
    fn passed(&mut self, peer: Peer, data: &Data, missing: u64, context: &Context<'_>) {
        if let Some(stream) = self.streams.get(data.stream) {
            let missing = missing.min(data.content as u64);
            stream.passed(peer, data.content as u64 - missing, missing, context.now());
        }
    }
}
