//! The conference that is made where RDP itself encrypts: MCS Connect-Initial and Connect-Response (T.125) with GCC's data blocks
//! ([MS-RDPBCGR] sections 2.2.1.3 and 2.2.1.4).

use portreeve_record::app::rdp::{Rdp, RdpResult, keyboard};

use crate::Reader;
use crate::ber::{ENUMERATED, Elements, INTEGER, OCTET_STRING, SEQUENCE};
use crate::text::text;
use crate::utf16::utf16;

/// How Connect-Initial begins: `APPLICATION 101`.
const INITIAL: [u8; 2] = [0x7f, 0x65];
/// How Connect-Response begins: `APPLICATION 102`.
pub(super) const RESPONSE: [u8; 2] = [0x7f, 0x66];
const BOOLEAN: u8 = 1;
/// What stands before the client's and the server's blocks.
const CLIENT_KEY: &[u8] = b"Duca";
const SERVER_KEY: &[u8] = b"McDn";
/// The most blocks.
const MAX_BLOCKS: usize = 16;
/// The most channels that may be asked for ([MS-RDPBCGR] section 2.2.1.3.4).
const MAX_CHANNELS: u32 = 31;

const CLIENT_CORE: u16 = 0xc001;
const CLIENT_NETWORK: u16 = 0xc003;
const SERVER_SECURITY: u16 = 0x0c02;

/// What an X.224 data message carries.
pub(super) fn data(data: &[u8], record: &mut Rdp) -> Option<()> {
    let (start, rest) = data.split_first_chunk::<2>()?;
    // The tag has two bytes: the length behind it is read as that of an element with a tag of one.
    let mut outer = vec![SEQUENCE];
    outer.extend_from_slice(rest);
    let mut fields = Elements::new(&outer).inside(SEQUENCE)?;
    if *start == INITIAL {
        fields.content(OCTET_STRING)?;
        fields.content(OCTET_STRING)?;
        fields.content(BOOLEAN)?;
        for _ in 0..3 {
            fields.content(SEQUENCE)?;
        }
        blocks(fields.content(OCTET_STRING)?, CLIENT_KEY, record)
    } else if *start == RESPONSE {
        fields.content(ENUMERATED)?;
        fields.content(INTEGER)?;
        fields.content(SEQUENCE)?;
        let user_data = fields.content(OCTET_STRING)?;
        let key = position(user_data, SERVER_KEY)?;
        // Before the key: the result, then how many sets of user data there are, and that the key is one of H.221.
        let result = *user_data.get(key.checked_sub(4)?)?;
        record.result = Some(RdpResult::Conference(result));
        blocks(user_data, SERVER_KEY, record)
    } else {
        None
    }
}

fn position(bytes: &[u8], key: &[u8]) -> Option<usize> {
    bytes.windows(key.len()).position(|window| window == key)
}

fn blocks(user_data: &[u8], key: &[u8], record: &mut Rdp) -> Option<()> {
    let mut reader = Reader::new(user_data.get(position(user_data, key)? + key.len()..)?);
    // A length in PER: 7 bits, or 14 with the highest bit set.
    if reader.u8()? & 0x80 != 0 {
        reader.u8()?;
    }
    for _ in 0..MAX_BLOCKS {
        let (kind, len) = (reader.u16_le()?, reader.u16_le()?);
        let rest = reader.rest();
        let len = usize::from(len).checked_sub(4)?;
        let block = rest.get(..len).unwrap_or(rest);
        // A block that breaks off gives what it has.
        let _ = match kind {
            CLIENT_CORE => client_core(block, record),
            CLIENT_NETWORK => client_network(block, record),
            SERVER_SECURITY => server_security(block, record),
            _ => None,
        };
        reader.take(len)?;
    }
    Some(())
}

/// TS_UD_CS_CORE (section 2.2.1.3.2); what stands behind the first part came with later versions.
fn client_core(block: &[u8], record: &mut Rdp) -> Option<()> {
    const WANT_32_BITS: u16 = 2;
    let mut reader = Reader::new(block);
    reader.take(4)?;
    record.desktop_width = reader.u16_le();
    record.desktop_height = reader.u16_le();
    reader.take(4)?;
    record.keyboard_layout = reader.u32_le().map(keyboard);
    record.client_build = reader.u32_le();
    record.client_name = Some(utf16(reader.take(32)?));
    reader.take(12 + 64 + 2 + 2 + 4)?;
    let depth = reader.u16_le()?;
    record.requested_color_depth = Some(depth);
    reader.u16_le()?;
    if reader.u16_le()? & WANT_32_BITS != 0 {
        record.requested_color_depth = Some(32);
    }
    record.client_dig_product_id = Some(utf16(reader.take(64)?));
    Some(())
}

/// TS_UD_CS_NET (section 2.2.1.3.4).
fn client_network(block: &[u8], record: &mut Rdp) -> Option<()> {
    let mut reader = Reader::new(block);
    let count = reader.u32_le()?.min(MAX_CHANNELS);
    for _ in 0..count {
        let name = reader.take(8)?;
        reader.take(4)?;
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        record.client_channels.push(text(name));
    }
    Some(())
}

/// TS_UD_SC_SEC1 (section 2.2.1.4.3).
fn server_security(block: &[u8], record: &mut Rdp) -> Option<()> {
    const RSA: u32 = 1;
    const TEMPORARY: u32 = 1 << 31;
    let mut reader = Reader::new(block);
    record.encryption_method = reader.u32_le();
    record.encryption_level = reader.u32_le();
    let random = reader.u32_le()?;
    reader.u32_le()?;
    reader.take(random as usize)?;
    let version = reader.u32_le()?;
    let kind = version & !TEMPORARY;
    record.cert_type = Some(kind);
    record.cert_permanent = Some(version & TEMPORARY == 0);
    record.cert_count = if kind == RSA { 1 } else { reader.u32_le()? };
    Some(())
}
