//! The XDP program, instruction by instruction.
//!
//! ```text
//! line = lines[rx_queue_index]           none, or its gate is shut: the frame goes on to the kernel
//! if redirect(sockets[rx_queue_index])   no socket there: the frame goes on to the kernel
//!     line.redirected += 1
//! ```
//!
//! It is so short that a compiler would be the larger part: twenty instructions, written here, wrapped into the ELF object that `aya` loads
//! (aya has no other way in). So neither a build nor a host needs clang or kernel headers, and there is nothing to keep in step.
//!
//! Why `aya` for loading and attaching: it knows the kernels' differences (names, BTF, multi-buffer flag), and it is kept. Why not the `xdp`
//! crate for the sockets: its frames' memory cannot stand on huge pages, and it has neither multi-buffer frames nor the fill ring's wake-up flag.
//!
//! The counter is an atomic addition on a cache line for each queue. A queue is served by one processor at a time but for generic mode on virtual
//! interfaces, so the line stays where it is; and unlike an array for each processor it can be mapped: reading it, and shutting the gate, takes no system
//! call, hence no privilege.

use object::write::{Object, Relocation, StandardSegment, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind, SymbolFlags, SymbolKind,
    SymbolScope, elf,
};

/// Name of the program, as `bpftool prog` shows it.
pub(super) const NAME: &str = "portreeve";
/// Name of the map of sockets by queue.
pub(super) const SOCKETS: &str = "sockets";
/// Name of the map of lines by queue.
pub(super) const LINES: &str = "lines";

/// Bytes of a queue's line: a cache line of its own. Words of 8 bytes: gate, frames redirected.
pub(super) const LINE: usize = 64;
pub(super) const GATE: usize = 0;
pub(super) const REDIRECTED: usize = 8;

const MAP_TYPE_ARRAY: u32 = 2;
const MAP_TYPE_XSKMAP: u32 = 17;
/// `BPF_F_MMAPABLE` (Linux 5.5).
const MMAPABLE: u32 = 1 << 10;

// Helper functions.
const MAP_LOOKUP: i32 = 1;
const REDIRECT_MAP: i32 = 51;

const XDP_PASS: i32 = 2;
const XDP_REDIRECT: i32 = 4;
/// Offset of `rx_queue_index` in struct xdp_md.
const QUEUE: i16 = 16;
/// Where the key is on the stack.
const KEY: i16 = -4;

// Registers.
const RESULT: u8 = 0;
const ARGUMENT: u8 = 1;
const SECOND: u8 = 2;
const THIRD: u8 = 3;
const INDEX: u8 = 6;
const ENTRY: u8 = 7;
const FRAME: u8 = 10;

/// Opcode, destination and source register, jump or memory offset, constant.
type Instruction = (u8, u8, u8, i16, i32);

const LOAD_MAP: u8 = 0x18;

/// Where the two maps' addresses are to be filled in.
const LINES_AT: usize = 2;
const SOCKETS_AT: usize = 11;

#[rustfmt::skip]
const CODE: [Instruction; 22] = [
    (0x61, INDEX, ARGUMENT, QUEUE, 0),              //  0  r6 = context.rx_queue_index
    (0x63, FRAME, INDEX, KEY, 0),                   //  1  key = r6
    (LOAD_MAP, ARGUMENT, 0, 0, 0),                  //  2  r1 = lines
    (0, 0, 0, 0, 0),                                //  3
    (0xbf, SECOND, FRAME, 0, 0),                    //  4  r2 = &key
    (0x07, SECOND, 0, 0, KEY as i32),               //  5
    (0x85, 0, 0, 0, MAP_LOOKUP),                    //  6  r0 = lookup(r1, r2)
    (0x15, RESULT, 0, 12, 0),                       //  7  if r0 == 0 goto 20
    (0xbf, ENTRY, RESULT, 0, 0),                    //  8  r7 = r0
    (0x79, ARGUMENT, ENTRY, GATE as i16, 0),        //  9  r1 = r7.gate
    (0x15, ARGUMENT, 0, 9, 0),                      // 10  if r1 == 0 goto 20
    (LOAD_MAP, ARGUMENT, 0, 0, 0),                  // 11  r1 = sockets
    (0, 0, 0, 0, 0),                                // 12
    (0xbf, SECOND, INDEX, 0, 0),                    // 13  r2 = r6
    (0xb7, THIRD, 0, 0, XDP_PASS),                  // 14  r3 = what to do if there is none
    (0x85, 0, 0, 0, REDIRECT_MAP),                  // 15  r0 = redirect(r1, r2, r3)
    (0x55, RESULT, 0, 2, XDP_REDIRECT),             // 16  if r0 != XDP_REDIRECT goto 19
    (0xb7, ARGUMENT, 0, 0, 1),                      // 17  r1 = 1
    (0xdb, ENTRY, ARGUMENT, REDIRECTED as i16, 0),  // 18  lock r7.redirected += r1
    (0x95, 0, 0, 0, 0),                             // 19  return r0
    (0xb7, RESULT, 0, 0, XDP_PASS),                 // 20  r0 = XDP_PASS
    (0x95, 0, 0, 0, 0),                             // 21  return r0
];

fn code() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(CODE.len() * 8);
    for (code, to, from, offset, constant) in CODE {
        let registers = if cfg!(target_endian = "little") {
            from << 4 | to
        } else {
            to << 4 | from
        };
        bytes.extend_from_slice(&[code, registers]);
        bytes.extend_from_slice(&offset.to_ne_bytes());
        bytes.extend_from_slice(&constant.to_ne_bytes());
    }
    bytes
}

/// The object file that a compiler would have made, with room for so many queues. `frags`: frames of several buffers are welcome (Linux 5.18).
pub(super) fn object(queues: u32, frags: bool) -> Result<Vec<u8>, object::write::Error> {
    let endianness = if cfg!(target_endian = "little") {
        Endianness::Little
    } else {
        Endianness::Big
    };
    let mut object = Object::new(BinaryFormat::Elf, Architecture::Bpf, endianness);
    let section = |object: &mut Object<'_>, name: &str, kind| {
        let segment = object.segment_name(StandardSegment::Data).to_vec();
        object.add_section(segment, name.into(), kind)
    };
    let license = section(&mut object, "license", SectionKind::Data);
    object.append_section_data(license, b"Dual MIT/GPL\0", 1);

    let maps = section(&mut object, "maps", SectionKind::Data);
    let mut map = |name: &str, definition: [u32; 5]| {
        let bytes: Vec<u8> = definition
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect();
        let offset = object.append_section_data(maps, &bytes, 4);
        object.add_symbol(symbol(name, maps, offset, bytes.len(), SymbolKind::Data))
    };
    let lines = map(LINES, [MAP_TYPE_ARRAY, 4, LINE as u32, queues, MMAPABLE]);
    let sockets = map(SOCKETS, [MAP_TYPE_XSKMAP, 4, 4, queues, 0]);

    // The section's name says what the program is.
    let kind = if frags { "xdp.frags" } else { "xdp" };
    let text = section(&mut object, kind, SectionKind::Text);
    let code = code();
    let at = object.append_section_data(text, &code, 8);
    object.add_symbol(symbol(NAME, text, at, code.len(), SymbolKind::Text));
    for (place, symbol) in [(LINES_AT, lines), (SOCKETS_AT, sockets)] {
        object.add_relocation(
            text,
            Relocation {
                offset: place as u64 * 8,
                symbol,
                addend: 0,
                flags: RelocationFlags::Elf {
                    r_type: elf::R_BPF_64_64,
                },
            },
        )?;
    }
    // Adding a relocation writes its addend over the instruction; what it is to be is known.
    object.section_mut(text).data_mut().copy_from_slice(&code);
    object.write()
}

fn symbol(
    name: &str,
    section: object::write::SectionId,
    offset: u64,
    size: usize,
    kind: SymbolKind,
) -> Symbol {
    Symbol {
        name: name.into(),
        value: offset,
        size: size as u64,
        kind,
        scope: SymbolScope::Dynamic,
        weak: false,
        section: SymbolSection::Section(section),
        flags: SymbolFlags::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_jump_stays_in_the_program_and_maps_are_where_they_are_said_to_be() {
        for (at, (code, _, _, offset, _)) in CODE.iter().enumerate() {
            if matches!(code, 0x15 | 0x55) {
                let to = at as i64 + 1 + i64::from(*offset);
                assert!((0..CODE.len() as i64).contains(&to), "{at}");
                // Not into the second half of a wide instruction.
                assert_ne!(CODE[to as usize].0, 0, "{at}");
            }
        }
        assert_eq!(CODE[LINES_AT].0, LOAD_MAP);
        assert_eq!(CODE[SOCKETS_AT].0, LOAD_MAP);
        assert_eq!(CODE.last().map(|last| last.0), Some(0x95));
    }

    #[test]
    fn the_object_is_what_the_loader_reads() {
        let object = object(4, true).expect("is made");
        assert_eq!(&object[..4], b"\x7fELF");
        assert!(object.windows(9).any(|name| name == b"xdp.frags"));
    }
}
