//! A message of S7comm or S7comm-plus, to its record.

use portreeve_record::app::s7comm::{S7Error, S7comm, Subfunction};
use portreeve_record::app::s7comm_plus::S7commPlus;

use crate::text::text;
use crate::{Context, Reader};

const S7COMM: u8 = 0x32;
const S7COMM_PLUS: u8 = 0x72;
const JOB: u8 = 1;
const ACKNOWLEDGED: u8 = 2;
const ACKNOWLEDGED_WITH_DATA: u8 = 3;
const USER_DATA: u8 = 7;
/// Control of a program: the service has a name.
const CONTROL: u8 = 0x28;
/// User data that answers.
const ANSWER: u8 = 0x12;
/// The version of S7comm-plus whose messages have a digest before them.
const WITH_DIGEST: u8 = 3;
const REQUEST: u8 = 0x31;
const RESPONSE: u8 = 0x32;

/// Writes the record of a message; the name of its protocol, if it is one that is known.
pub(super) fn read(data: &[u8], is_orig: bool, context: &mut Context<'_>) -> Option<&'static str> {
    let mut reader = Reader::new(data);
    match reader.u8()? {
        S7COMM => {
            let record = s7comm(reader, is_orig, context)?;
            context.emit(record);
            Some("s7comm")
        }
        S7COMM_PLUS => {
            let record = s7comm_plus(reader, is_orig, context)?;
            context.emit(record);
            Some("s7comm-plus")
        }
        _ => None,
    }
}

fn s7comm(mut reader: Reader<'_>, is_orig: bool, context: &Context<'_>) -> Option<S7comm> {
    let rosctr = reader.u8()?;
    let _redundancy = reader.u16()?;
    let pdu_reference = reader.u16_le()?;
    let parameters = usize::from(reader.u16()?);
    let _data = reader.u16()?;
    let mut record = S7comm {
        head: context.head(context.now()),
        is_orig,
        rosctr,
        pdu_reference,
        ..S7comm::default()
    };
    match rosctr {
        JOB => {}
        ACKNOWLEDGED | ACKNOWLEDGED_WITH_DATA => {
            record.error = Some(S7Error::Class(reader.u8()?, reader.u8()?));
        }
        USER_DATA => {
            let rest = reader.rest();
            // What breaks off gives what it has.
            let _ = user_data(
                Reader::new(rest.get(..parameters).unwrap_or(rest)),
                &mut record,
            );
            return Some(record);
        }
        _ => return None,
    }
    let rest = reader.rest();
    let mut reader = Reader::new(rest.get(..parameters).unwrap_or(rest));
    record.function = reader.u8();
    if rosctr == JOB && record.function == Some(CONTROL) {
        record.subfunction = service(reader).map(Subfunction::Service);
    }
    Some(record)
}

/// The name of a service: behind seven bytes and a block, each text with its length before it.
fn service(mut reader: Reader<'_>) -> Option<Box<str>> {
    reader.take(7)?;
    reader.vec16()?;
    reader.vec8().map(text)
}

fn user_data(mut reader: Reader<'_>, record: &mut S7comm) -> Option<()> {
    let [_, _, _, _length, method] = reader.array()?;
    record.function = Some(reader.u8()?);
    record.subfunction = Some(Subfunction::Code(reader.u8()?));
    if method == ANSWER {
        let [_sequence, _unit, _last] = reader.array()?;
        record.error = Some(S7Error::Parameter(reader.u16()?));
    }
    Some(())
}

fn s7comm_plus(mut reader: Reader<'_>, is_orig: bool, context: &Context<'_>) -> Option<S7commPlus> {
    let version = reader.u8()?;
    let length = reader.u16()?;
    // Versions 0xfe and 0xff are the system's own: no message of a user.
    if length == 0 || !(1..=WITH_DIGEST).contains(&version) {
        return None;
    }
    if version == WITH_DIGEST {
        reader.vec8()?;
    }
    let opcode = reader.u8()?;
    let _reserved = reader.u16()?;
    let function = reader.u16()?;
    Some(S7commPlus {
        head: context.head(context.now()),
        is_orig,
        version,
        opcode,
        function: matches!(opcode, REQUEST | RESPONSE).then_some(function),
    })
}
