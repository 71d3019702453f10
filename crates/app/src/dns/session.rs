//! A conversation in DNS: queries wait for their replies, and become records.

use std::collections::VecDeque;

use portreeve_record::app::dns::{Dns as Record, DnsFlags};
use portreeve_record::{App, Head};

use super::message::{Fault, HEADER, Header, Question, Resource, UPDATE};
use super::name::{self, Name};
use super::{LENGTH, MAX_QUESTIONS, NBNS_PORT, answer, nbns};
use crate::context::Context;
use crate::protocol::{Peer, Session, Transport, Want};

/// The most questions of a flow that wait for a reply; beyond that the oldest is taken for unanswered.
const MAX_PENDING: usize = 64;
/// How long a question waits for its reply while others come, nanoseconds. No resolver waits as long.
const MAX_WAIT: i64 = 60_000_000_000;
/// The most answers in one record. A zone transfer has more.
const MAX_ANSWERS: usize = 512;

const SECOND: i64 = 1_000_000_000;

/// A question that waits.
struct Pending {
    /// Which query it came in: one with several questions gets one reply.
    query: u32,
    record: Box<Record>,
}

/// What is expected next in a stream.
#[derive(Clone, Copy, Default)]
enum Next {
    #[default]
    Length,
    Message(u16),
    /// The rest of a message that was not seen whole.
    Rest,
}

/// One conversation.
#[derive(Default)]
pub(super) struct Dns {
    /// In the order they were asked.
    pending: VecDeque<Pending>,
    queries: u32,
    next: [Next; 2],
}

/// What is the same for all records of a message.
struct Message<'a> {
    bytes: &'a [u8],
    header: Header,
    /// What its records begin with.
    head: Head,
    nbns: bool,
    fault: Option<Fault>,
}

impl Message<'_> {
    /// A record without anything of a question.
    fn record(&self) -> Box<Record> {
        let header = &self.header;
        Box::new(Record {
            head: self.head,
            trans_id: Some(header.id),
            opcode: header.opcode(),
            flags: DnsFlags {
                truncated: header.truncated(),
                recursion_desired: header.recursion_desired(),
                ..DnsFlags::default()
            },
            z: header.z(),
            ..Record::default()
        })
    }

    /// A name as it is logged: NetBIOS' decoded.
    fn text(&self, name: &Name) -> Box<str> {
        let decoded = self.nbns.then(|| nbns::decode(name.as_bytes())).flatten();
        decoded.unwrap_or_else(|| name.text())
    }

    /// Hands a record of each question to `each`; gives where the sections behind begin, if all questions could be read. Of one that is broken off there is
    /// still a record if its name has begun.
    fn questions(&mut self, mut each: impl FnMut(Box<Record>)) -> Option<usize> {
        let mut name = Name::new();
        let mut at = HEADER;
        for _ in 0..self.header.questions {
            let read = Question::read(self.bytes, at, &mut name);
            if read.is_ok() || !name.as_bytes().is_empty() {
                let mut record = self.record();
                record.query = Some(self.text(&name));
                if let Ok((question, _)) = read {
                    record.qtype = Some(question.kind);
                    record.qclass = Some(question.class);
                }
                each(record);
            }
            match read {
                Ok((_, behind)) => at = behind,
                Err(fault) => {
                    self.fault = Some(fault);
                    return None;
                }
            }
        }
        Some(at)
    }

    /// Where the sections behind the questions begin; nothing is made of the questions.
    fn behind_questions(&self) -> Option<usize> {
        (0..self.header.questions).try_fold(HEADER, |at, _| Some(name::skip(self.bytes, at)? + 4))
    }
}

impl Dns {
    fn message(&mut self, bytes: &[u8], context: &mut Context<'_>) {
        self.expire(context);
        let Some(header) = Header::read(bytes) else {
            return context.weird("DNS_truncated_len_lt_hdr_len");
        };
        if header.questions > MAX_QUESTIONS {
            return context.weird("DNS_Conn_count_too_large");
        }
        let head = context.head(context.now());
        let mut message = Message {
            bytes,
            header,
            head,
            nbns: head.resp_p == NBNS_PORT || head.orig_p == NBNS_PORT,
            fault: None,
        };
        if header.is_reply() {
            self.reply(&mut message, context);
        } else {
            self.query(&mut message, context);
        }
        if let Some(fault) = message.fault {
            context.weird(fault.weird());
        }
    }

    fn query(&mut self, message: &mut Message<'_>, context: &mut Context<'_>) {
        self.queries = self.queries.wrapping_add(1);
        // What is asked of everybody is answered to everybody, in flows of their own.
        let multicast = message.head.resp_h.is_multicast();
        message.questions(|mut record| {
            record.saw_query = true;
            if multicast {
                return emit(record, context);
            }
            if self.pending.len() >= MAX_PENDING {
                self.give_up(context);
            }
            let query = self.queries;
            self.pending.push_back(Pending { query, record });
        });
    }

    fn reply(&mut self, message: &mut Message<'_>, context: &mut Context<'_>) {
        let mut told = self.answered(message);
        let behind = if told.is_empty() {
            message.questions(|record| told.push(record))
        } else {
            message.behind_questions()
        };
        if told.is_empty() {
            told.push(message.record());
        }
        let header = message.header;
        let refused = if header.questions > 0 {
            header.records() == 0
        } else {
            header.rcode() != 0
        };
        for record in &mut told {
            record.saw_reply = true;
            record.rcode = Some(header.rcode());
            record.rejected |= refused;
            record.flags.truncated |= header.truncated();
        }
        if let Some(at) = behind {
            self.sections(at, message, &mut told, context.now());
        }
        for record in told {
            emit(record, context);
        }
    }

    /// The questions that wait and that a reply answers, taken out: those of the oldest query with its identifier and, if it repeats the question, with that.
    #[expect(
        clippy::vec_box,
        reason = "a record stays in its box until it is written"
    )]
    fn answered(&mut self, message: &Message<'_>) -> Vec<Box<Record>> {
        let id = Some(message.header.id);
        if self
            .pending
            .iter()
            .all(|pending| pending.record.trans_id != id)
        {
            return Vec::new();
        }
        let mut name = Name::new();
        let repeated = match Question::read(message.bytes, HEADER, &mut name) {
            Ok((question, _)) if message.header.questions > 0 => {
                Some((message.text(&name), question.kind))
            }
            _ => None,
        };
        let same = |pending: &Pending| {
            let record = &*pending.record;
            let asked = |(name, kind): &(Box<str>, u16)| {
                record.query.as_ref() == Some(name) && record.qtype == Some(*kind)
            };
            record.trans_id == id && repeated.as_ref().is_none_or(asked)
        };
        let Some(query) = self.pending.iter().find(|p| same(p)).map(|p| p.query) else {
            return Vec::new();
        };
        let of_query = |pending: &Pending| pending.query == query;
        let first = self.pending.iter().take_while(|p| !of_query(p)).count();
        let count = self
            .pending
            .iter()
            .skip(first)
            .take_while(|p| of_query(p))
            .count();
        let answered = self.pending.drain(first..first + count);
        answered.map(|pending| pending.record).collect()
    }

    /// The sections behind the questions, which begin at `at`: answers become texts, EDNS gives the rest of the response code.
    fn sections(
        &self,
        mut at: usize,
        message: &mut Message<'_>,
        told: &mut [Box<Record>],
        now: i64,
    ) {
        let header = message.header;
        let (answers, records) = (usize::from(header.answers), header.records());
        let update = header.opcode() == UPDATE && !message.nbns;
        let told_sections = if update {
            answers + usize::from(header.authority)
        } else {
            answers
        };
        let edns_from = answers + usize::from(header.authority);
        let last = if header.additional > 0 {
            records
        } else {
            told_sections
        };
        let mut current = 0;
        let mut owner = Name::new();
        for number in 0..last {
            let (resource, behind) = match Resource::read(message.bytes, at) {
                Ok(read) => read,
                Err(fault) => {
                    message.fault = Some(fault);
                    return;
                }
            };
            at = behind;
            if number >= edns_from && resource.kind == answer::OPT {
                let more = (resource.ttl >> 24) as u16;
                for record in told.iter_mut() {
                    record.rcode = Some(more << 4 | header.rcode());
                }
            }
            if number >= told_sections {
                continue;
            }
            // Most answer the one question there is; its name need not be read again then.
            let named =
                told.len() > 1 || update || told.iter().any(|record| record.query.is_none());
            if named && let Err(fault) = owner.read(message.bytes, resource.owner) {
                message.fault = Some(fault);
                continue;
            }
            let name = named.then(|| message.text(&owner));
            if told.len() > 1 {
                let answers = |record: &Record| {
                    record.query == name
                        && record
                            .qtype
                            .is_none_or(|asked| asked == resource.kind || asked == ANY)
                };
                current = told
                    .iter()
                    .position(|record| answers(record))
                    .unwrap_or(current);
            }
            let Some(record) = told.get_mut(current) else {
                return;
            };
            if record.query.is_none() {
                record.query.clone_from(&name);
            }
            if record.answers.len() >= MAX_ANSWERS {
                continue;
            }
            let step = if !update {
                Step::Answer
            } else if number < answers {
                Step::Prerequisite
            } else {
                Step::Update
            };
            let name = name.as_deref().unwrap_or_default();
            let read = texts(message, &resource, step, name, &mut |text| {
                if record.answers.len() < MAX_ANSWERS {
                    record.answers.push(text);
                    record.ttls.push(i64::from(resource.ttl) * SECOND);
                }
            });
            match read {
                Ok(()) => answers_seen(record, &header, now),
                Err(fault) => message.fault = Some(fault),
            }
        }
    }

    /// Writes those that have waited too long.
    fn expire(&mut self, context: &mut Context<'_>) {
        let too_old = context.now().saturating_sub(MAX_WAIT);
        while self
            .pending
            .front()
            .is_some_and(|oldest| oldest.record.head.ts < too_old)
        {
            self.give_up(context);
        }
    }

    /// Writes the oldest as unanswered.
    fn give_up(&mut self, context: &mut Context<'_>) {
        if let Some(oldest) = self.pending.pop_front() {
            emit(oldest.record, context);
        }
    }
}

/// The type that asks for records of all types.
const ANY: u16 = 255;
/// Class of what is said of all records of a name, and of one that is not to be (RFC 2136 section 2.4).
const CLASS_ANY: u16 = 255;
const CLASS_NONE: u16 = 254;

/// What a record of a reply is.
#[derive(Clone, Copy)]
enum Step {
    Answer,
    /// Of an update (RFC 2136 section 2.4): what had to be so before.
    Prerequisite,
    /// What was added or taken away.
    Update,
}

/// The texts of one record of a reply.
fn texts(
    message: &Message<'_>,
    resource: &Resource<'_>,
    step: Step,
    owner: &str,
    each: &mut dyn FnMut(Box<str>),
) -> Result<(), Fault> {
    if let Step::Answer = step {
        return answer::texts(message.bytes, resource, message.nbns, each);
    }
    let (any, none) = (resource.class == CLASS_ANY, resource.class == CLASS_NONE);
    let all = resource.kind == ANY;
    let kind = Record::type_name(resource.kind);
    let text = match step {
        Step::Prerequisite if all && none => format!("pre: NameNotInUse {owner}"),
        Step::Prerequisite if all && any => format!("pre: NameInUse {owner}"),
        Step::Prerequisite if none => format!("pre: NoRRSet {kind} {owner}"),
        Step::Prerequisite => format!("pre: RRSetExists {kind} {owner}"),
        _ if all && any => format!("del: RRSet * {owner}"),
        _ if none => format!("del: RR {kind} {owner}"),
        _ if any => format!("del: RRSet {kind}"),
        _ => {
            return answer::texts(message.bytes, resource, message.nbns, &mut |text| {
                let text = match resource.kind {
                    1 | 28 | 38 => format!("add: {kind} {owner} {text}"),
                    _ => format!("add: {text}"),
                };
                each(text.into());
            });
        }
    };
    each(text.into());
    Ok(())
}

/// What Zeek tells only of replies that have answers.
fn answers_seen(record: &mut Record, header: &Header, now: i64) {
    record.flags.authoritative = header.authoritative();
    record.flags.recursion_available = header.recursion_available();
    let rtt = now - record.head.ts;
    if record.rtt.is_none() && rtt > 0 {
        record.rtt = Some(rtt);
    }
}

fn emit(record: Box<Record>, context: &mut Context<'_>) {
    context.emit(App::Dns(record));
}

impl Session for Dns {
    fn start(&mut self, _: Peer) -> Want {
        Want::Bytes(LENGTH)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        if context.transport() == Transport::Udp {
            self.message(unit, context);
            return Want::Any;
        }
        let next = &mut self.next[peer.index()];
        if let (Next::Length, Some(length)) = (*next, unit.first_chunk()) {
            let length = u16::from_be_bytes(*length);
            if usize::from(length) < HEADER {
                // No message is as short: this is not what we took it for.
                context.weird("DNS_truncated_len_lt_hdr_len");
                return Want::Nothing;
            }
            *next = Next::Message(length);
            return Want::Bytes(length.into());
        }
        *next = Next::Length;
        self.message(unit, context);
        Want::Bytes(LENGTH)
    }

    fn skipped(&mut self, peer: Peer, _: &mut Context<'_>) -> Want {
        self.next[peer.index()] = Next::Length;
        Want::Bytes(LENGTH)
    }

    fn gap(&mut self, peer: Peer, rest: &[u8], missing: u64, context: &mut Context<'_>) -> Want {
        let Next::Message(length) = self.next[peer.index()] else {
            return Want::Nothing;
        };
        self.next[peer.index()] = Next::Rest;
        if rest.len() >= HEADER {
            self.message(rest, context);
        }
        let left = u64::from(length).saturating_sub(rest.len() as u64);
        match left.checked_sub(missing) {
            Some(left) => Want::Skip(left),
            None => Want::Nothing,
        }
    }

    fn closed(&mut self, peer: Peer, rest: &[u8], context: &mut Context<'_>) {
        let inside = matches!(self.next[peer.index()], Next::Message(_));
        if inside && rest.len() >= HEADER {
            self.message(rest, context);
        }
    }

    fn end(&mut self, context: &mut Context<'_>) {
        while !self.pending.is_empty() {
            self.give_up(context);
        }
    }
}
