//! What a message is made of: header, questions, records.

use super::name::{self, Name};
use crate::bytes::Reader;

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A name goes on behind the message's end.
    NameCut,
    /// It is longer than names may be.
    NameTooLong,
    /// A label is of a type that there is none of (RFC 6891 section 5).
    LabelType,
    /// A pointer does not lead backwards.
    ForwardPointer,
    /// One pointer leads to another, and so on.
    TooManyJumps,
    /// A question is not all there.
    QuestionCut,
    /// A record is not all there.
    RecordCut,
    /// A record's data is not all there.
    DataCut,
    /// A record's data is not of its type's length or form.
    BadData,
}

impl Fault {
    /// Its name in `weird`: Zeek's.
    pub(super) fn weird(self) -> &'static str {
        match self {
            Fault::NameCut => "DNS_label_len_gt_pkt",
            Fault::NameTooLong => "DNS_NAME_too_long",
            Fault::LabelType => "DNS_label_too_long",
            Fault::ForwardPointer => "DNS_label_forward_compress_offset",
            Fault::TooManyJumps => "DNS_max_compression_chain_depth_exceeded",
            Fault::QuestionCut => "DNS_truncated_quest_too_short",
            Fault::RecordCut => "DNS_truncated_ans_too_short",
            Fault::DataCut => "DNS_truncated_RR_rdlength_lt_len",
            Fault::BadData => "DNS_RR_bad_length",
        }
    }
}

/// Bytes of a header.
pub(super) const HEADER: usize = 12;
/// The fewest bytes of a question: the root's name, type, class.
const LEAST_QUESTION: usize = 5;
/// The fewest bytes of a record.
const LEAST_RECORD: usize = 11;

/// Operation: update (RFC 2136).
pub(super) const UPDATE: u8 = 5;

/// A message's header (RFC 1035 section 4.1.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) id: u16,
    flags: u16,
    pub(super) questions: u16,
    pub(super) answers: u16,
    pub(super) authority: u16,
    pub(super) additional: u16,
}

impl Header {
    pub(super) fn read(message: &[u8]) -> Option<Header> {
        let mut reader = Reader::new(message);
        Some(Header {
            id: reader.u16()?,
            flags: reader.u16()?,
            questions: reader.u16()?,
            answers: reader.u16()?,
            authority: reader.u16()?,
            additional: reader.u16()?,
        })
    }

    /// QR: a reply, not a query.
    pub(super) fn is_reply(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    pub(super) fn opcode(&self) -> u8 {
        (self.flags >> 11 & 0xf) as u8
    }

    pub(super) fn authoritative(&self) -> bool {
        self.flags & 0x0400 != 0
    }

    pub(super) fn truncated(&self) -> bool {
        self.flags & 0x0200 != 0
    }

    pub(super) fn recursion_desired(&self) -> bool {
        self.flags & 0x0100 != 0
    }

    pub(super) fn recursion_available(&self) -> bool {
        self.flags & 0x0080 != 0
    }

    /// The 3 bits between RA and the response code.
    pub(super) fn z(&self) -> u8 {
        (self.flags >> 4 & 7) as u8
    }

    /// The response code, without the bits that EDNS has of it.
    pub(super) fn rcode(&self) -> u16 {
        self.flags & 0xf
    }

    /// Records in all sections behind the questions.
    pub(super) fn records(&self) -> usize {
        [self.answers, self.authority, self.additional]
            .map(usize::from)
            .iter()
            .sum()
    }

    /// Whether so much as it counts can stand in a message of so many bytes.
    pub(super) fn fits(&self, len: usize) -> bool {
        let least = usize::from(self.questions) * LEAST_QUESTION + self.records() * LEAST_RECORD;
        HEADER + least <= len
    }
}

/// A question's type and class; its name is read apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) kind: u16,
    pub(super) class: u16,
}

impl Question {
    /// Reads the question at `at`, its name into `name`; gives where what is behind it begins.
    pub(super) fn read(
        message: &[u8],
        at: usize,
        name: &mut Name,
    ) -> Result<(Question, usize), Fault> {
        let at = name.read(message, at)?;
        let mut reader = Reader::new(message.get(at..).unwrap_or_default());
        match (reader.u16(), reader.u16()) {
            (Some(kind), Some(class)) => Ok((Question { kind, class }, at + 4)),
            _ => Err(Fault::QuestionCut),
        }
    }
}

/// A resource record (RFC 1035 section 4.1.3).
#[derive(Clone, Copy, Debug)]
pub(super) struct Resource<'a> {
    /// Where its name stands in the message.
    pub(super) owner: usize,
    pub(super) kind: u16,
    pub(super) class: u16,
    /// Seconds. In OPT (RFC 6891 section 6.1.3) more bits of the response code come first.
    pub(super) ttl: u32,
    pub(super) data: &'a [u8],
    /// Where its data stands in the message.
    pub(super) data_at: usize,
}

impl<'a> Resource<'a> {
    /// Reads the record at `at`; gives where what is behind it begins.
    pub(super) fn read(message: &'a [u8], at: usize) -> Result<(Resource<'a>, usize), Fault> {
        let owner = at;
        let at = name::skip(message, at).ok_or(Fault::RecordCut)?;
        let mut reader = Reader::new(message.get(at..).unwrap_or_default());
        let mut fields = || Some((reader.u16()?, reader.u16()?, reader.u32()?, reader.u16()?));
        let (kind, class, ttl, length) = fields().ok_or(Fault::RecordCut)?;
        let data_at = at + 10;
        let behind = data_at + usize::from(length);
        let data = message.get(data_at..behind).ok_or(Fault::DataCut)?;
        let resource = Resource {
            owner,
            kind,
            class,
            ttl,
            data,
            data_at,
        };
        Ok((resource, behind))
    }
}
