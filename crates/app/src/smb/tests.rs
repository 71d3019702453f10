//! What is recognised, what records come of messages, and that broken ones do no harm.

use portreeve_record::app::files::Files;
use portreeve_record::{App, Record};

use super::*;
use crate::Hashes;
use crate::testing::{From, Outcome, Play, play_cut, play_cut_hashing};

const PORT: u16 = 445;

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A message of SMB2 behind its length.
fn smb2(command: u16, response: bool, message: u64, tree: u32, body: &[u8]) -> Vec<u8> {
    framed(&header2(command, response, message, tree, body, 0))
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = (message.len() as u32).to_be_bytes().to_vec();
    out.extend_from_slice(message);
    out
}

fn header2(
    command: u16,
    response: bool,
    message: u64,
    tree: u32,
    body: &[u8],
    next: u32,
) -> Vec<u8> {
    let mut out = b"\xfeSMB\x40\0\0\0\0\0\0\0".to_vec();
    out.extend_from_slice(&command.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&u32::from(response).to_le_bytes());
    out.extend_from_slice(&next.to_le_bytes());
    out.extend_from_slice(&message.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&tree.to_le_bytes());
    out.extend_from_slice(&[0; 24]);
    out.extend_from_slice(body);
    out
}

fn tree_connect(path: &str) -> Vec<u8> {
    let path = utf16(path);
    let mut body = vec![9, 0, 0, 0, 72, 0];
    body.extend_from_slice(&(path.len() as u16).to_le_bytes());
    body.extend_from_slice(&path);
    body
}

fn create(name: &str, options: u32) -> Vec<u8> {
    let name = utf16(name);
    let mut body = vec![57, 0];
    body.resize(40, 0);
    body.extend_from_slice(&options.to_le_bytes());
    body.extend_from_slice(&[120, 0]);
    body.extend_from_slice(&(name.len() as u16).to_le_bytes());
    body.resize(56, 0);
    body.extend_from_slice(&name);
    body
}

fn created(file: u64, size: u64) -> Vec<u8> {
    let mut body = vec![89, 0, 0, 0, 1, 0, 0, 0];
    for _ in 0..4 {
        body.extend_from_slice(&132_000_000_000_000_000u64.to_le_bytes());
    }
    body.extend_from_slice(&size.to_le_bytes());
    body.extend_from_slice(&size.to_le_bytes());
    body.resize(64, 0);
    body.extend_from_slice(&file.to_le_bytes());
    body.resize(88, 0);
    body
}

fn write(file: u64, data: &[u8]) -> Vec<u8> {
    let mut body = vec![49, 0, 112, 0];
    body.extend_from_slice(&(data.len() as u32).to_le_bytes());
    body.resize(16, 0);
    body.extend_from_slice(&file.to_le_bytes());
    body.resize(48, 0);
    body.extend_from_slice(data);
    body
}

fn rename(file: u64, name: &str) -> Vec<u8> {
    let name = utf16(name);
    let mut info = vec![0; 16];
    info.extend_from_slice(&(name.len() as u32).to_le_bytes());
    info.extend_from_slice(&name);
    let mut body = vec![33, 0, 1, 10];
    body.extend_from_slice(&(info.len() as u32).to_le_bytes());
    body.extend_from_slice(&[96, 0]);
    body.resize(16, 0);
    body.extend_from_slice(&file.to_le_bytes());
    body.resize(32, 0);
    body.extend_from_slice(&info);
    body
}

fn close(file: u64) -> Vec<u8> {
    let mut body = vec![24, 0, 0, 0, 0, 0, 0, 0];
    body.extend_from_slice(&file.to_le_bytes());
    body.resize(24, 0);
    body
}

/// A share connected to, a file opened, written, renamed and deleted as it is closed.
fn conversation() -> Vec<(From, Vec<u8>)> {
    vec![
        (
            From::Orig,
            smb2(3, false, 1, 0, &tree_connect(r"\\server\share")),
        ),
        (
            From::Resp,
            smb2(
                3,
                true,
                1,
                7,
                &[16, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ),
        ),
        (
            From::Orig,
            smb2(5, false, 2, 7, &create(r"dir\old", 0x1000)),
        ),
        (From::Resp, smb2(5, true, 2, 7, &created(5, 10))),
        (From::Orig, smb2(9, false, 3, 7, &write(5, &[0x55; 5000]))),
        (From::Resp, smb2(9, true, 3, 7, &[17; 16])),
        (From::Orig, smb2(17, false, 4, 7, &rename(5, "new"))),
        (From::Resp, smb2(17, true, 4, 7, &[2, 0])),
        (From::Orig, smb2(6, false, 5, 7, &close(5))),
    ]
}

fn files(outcome: &Outcome) -> Vec<String> {
    let line = |record: &Record| match record {
        Record::App(App::SmbFiles(f)) => Some(format!(
            "{} {} {} {} {}",
            f.action.name(),
            f.path.as_deref().unwrap_or("-"),
            f.name.as_deref().unwrap_or("-"),
            f.prev_name.as_deref().unwrap_or("-"),
            f.size
        )),
        Record::App(App::SmbMapping(m)) => Some(format!(
            "{} {}",
            m.path.as_deref().unwrap_or("-"),
            m.share_type
        )),
        _ => None,
    };
    outcome.records.iter().filter_map(line).collect()
}

#[test]
fn files_are_followed_in_any_cut() {
    let script = conversation();
    let script: Vec<_> = script.iter().map(|(from, b)| (*from, &b[..])).collect();
    let outcome = play_cut(PORT, &script);
    assert_eq!(outcome.service, Some("smb"));
    assert_eq!(
        files(&outcome),
        [
            r"\\server\share DISK",
            r"SMB::FILE_OPEN \\server\share dir\old - 10",
            r"SMB::FILE_RENAME \\server\share new dir\old 10",
            r"SMB::FILE_DELETE \\server\share new dir\old 10",
        ]
    );
}

#[test]
fn compounded_messages_are_taken_apart() {
    let mut first = header2(5, false, 1, 7, &create("a", 0), 0);
    first.resize(first.len().next_multiple_of(8), 0);
    let next = first.len() as u32;
    first[20..24].copy_from_slice(&next.to_le_bytes());
    first.extend(header2(5, false, 2, 7, &create("b", 0), 0));
    let mut play = Play::new(Transport::Tcp, 50_000, PORT);
    play.orig(&framed(&first))
        .resp(&smb2(5, true, 2, 7, &created(2, 0)))
        .resp(&smb2(5, true, 1, 7, &created(1, 0)));
    assert_eq!(
        files(&play.finish()),
        ["SMB::FILE_OPEN - b - 0", "SMB::FILE_OPEN - a - 0"]
    );
}

#[test]
fn a_compound_goes_on_with_the_file_it_opens() {
    let script = [
        (
            From::Orig,
            compound(
                false,
                &[
                    (5, 1, create("gone", 0x1000)),
                    (6, 2, of_before(close(0), 8)),
                ],
            ),
        ),
        (
            From::Resp,
            compound(true, &[(5, 1, created(5, 0)), (6, 2, vec![60; 60])]),
        ),
    ];
    let script: Vec<_> = script.iter().map(|(from, b)| (*from, &b[..])).collect();
    assert_eq!(
        files(&play_cut(PORT, &script)),
        ["SMB::FILE_OPEN - gone - 0", "SMB::FILE_DELETE - gone - 0"]
    );
}

#[test]
fn a_compound_that_opens_nothing_closes_nothing() {
    let mut play = Play::new(Transport::Tcp, 50_000, PORT);
    play.orig(&smb2(5, false, 1, 7, &create("stays", 0x1000)))
        .resp(&smb2(5, true, 1, 7, &created(5, 0)))
        // Of another file that nobody saw opened; and one whose opening fails.
        .orig(&compound(
            false,
            &[(14, 2, vec![0; 32]), (6, 3, of_before(close(0), 8))],
        ))
        .resp(&compound(true, &[(14, 2, vec![]), (6, 3, vec![60; 60])]))
        .orig(&compound(
            false,
            &[(5, 4, create("no", 0)), (6, 5, of_before(close(0), 8))],
        ));
    let mut refused = compound(true, &[(5, 4, vec![9; 8]), (6, 5, vec![9; 8])]);
    // STATUS_ACCESS_DENIED.
    for at in [4, 4 + 64 + 8] {
        refused[at + 8..at + 12].copy_from_slice(&0xc000_0022u32.to_le_bytes());
    }
    play.resp(&refused);
    assert_eq!(files(&play.finish()), ["SMB::FILE_OPEN - stays - 0"]);
}

#[test]
fn what_a_compound_reads_and_writes_is_a_file() {
    let content: Vec<u8> = (0..3000u32).map(|at| b'a' + (at % 26) as u8).collect();
    let read = [
        (
            From::Orig,
            compound(
                false,
                &[
                    (5, 2, create("f.txt", 0)),
                    (8, 3, of_before(read_request(0, 0, 4096), 16)),
                    (6, 4, of_before(close(0), 8)),
                ],
            ),
        ),
        (
            From::Resp,
            compound(
                true,
                &[
                    (5, 2, created(5, 3000)),
                    (8, 3, read_response(&content)),
                    (6, 4, vec![60; 60]),
                ],
            ),
        ),
    ];
    for hashes in [Hashes::default(), SHA256] {
        let (file, plain) = (
            carried(&read, hashes),
            carried(&reading(&[0..1000, 1000..3000]), hashes),
        );
        assert_eq!(
            (file.filename, file.seen_bytes, file.total_bytes),
            (plain.filename, plain.seen_bytes, plain.total_bytes)
        );
        assert_eq!(
            (file.mime_type, file.sha256),
            (plain.mime_type, plain.sha256)
        );
    }
    let written = [
        (
            From::Orig,
            compound(
                false,
                &[
                    (5, 2, create("new.txt", 0)),
                    (9, 3, of_before(write(0, &content[..500]), 16)),
                    (6, 4, of_before(close(0), 8)),
                ],
            ),
        ),
        (
            From::Resp,
            compound(
                true,
                &[
                    (5, 2, created(5, 0)),
                    (9, 3, vec![17; 16]),
                    (6, 4, vec![60; 60]),
                ],
            ),
        ),
    ];
    let file = carried(&written, SHA256);
    assert_eq!(file.filename.as_deref(), Some("new.txt"));
    assert_eq!((file.is_orig, file.seen_bytes), (true, 500));
    assert!(file.mime_type == Some("text/plain") && file.sha256.is_some());
}

#[test]
fn what_was_lost_is_found_again() {
    let mut play = Play::new(Transport::Tcp, 50_000, PORT);
    play.orig(&smb2(3, false, 1, 0, &tree_connect("x")));
    play.orig_gap(1000);
    play.orig(&smb2(5, false, 2, 7, &create("seen", 0)))
        .resp(&smb2(5, true, 2, 7, &created(2, 3)));
    assert_eq!(files(&play.finish()), ["SMB::FILE_OPEN - seen - 3"]);
}

#[test]
fn others_are_not_claimed() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"\0\0\0\x10\xffSMX123456789012345",
        b"\x81\0\0\x45 ",
    ] {
        let mut play = Play::new(Transport::Tcp, 50_000, 80);
        play.orig(bytes);
        assert_ne!(play.finish().service, Some("smb"));
    }
    // From the server's side alone, and the wrong way round.
    let mut play = Play::new(Transport::Tcp, PORT, 50_000);
    play.orig(&smb2(5, true, 1, 7, &created(1, 0)));
    assert_eq!(play.finish().service, Some("smb"));
}

#[test]
fn encrypted_conversations_are_left_alone() {
    let mut play = Play::new(Transport::Tcp, 50_000, PORT);
    let mut message = b"\xfdSMB".to_vec();
    message.resize(100, 7);
    for _ in 0..40 {
        play.orig(&framed(&message)).resp(&framed(&message));
    }
    let outcome = play.finish();
    assert_eq!((outcome.service, outcome.records.len()), (Some("smb"), 0));
}

fn read_request(file: u64, offset: u64, len: usize) -> Vec<u8> {
    let mut request = vec![49, 0, 0, 0];
    request.extend_from_slice(&(len as u32).to_le_bytes());
    request.extend_from_slice(&offset.to_le_bytes());
    request.extend_from_slice(&file.to_le_bytes());
    request.resize(48, 0);
    request
}

fn read_response(data: &[u8]) -> Vec<u8> {
    let mut response = vec![17, 0, 80, 0];
    response.extend_from_slice(&(data.len() as u32).to_le_bytes());
    response.resize(16, 0);
    response.extend_from_slice(data);
    response
}

/// A READ's request, at this place of a file, and the response that carries `data`.
fn read(file: u64, offset: u64, message: u64, data: &[u8]) -> [(From, Vec<u8>); 2] {
    let request = read_request(file, offset, data.len());
    [
        (From::Orig, smb2(8, false, message, 7, &request)),
        (From::Resp, smb2(8, true, message, 7, &read_response(data))),
    ]
}

/// Messages in one: those behind the first go on with what it is about ([MS-SMB2] section 3.2.4.1.4).
fn compound(response: bool, messages: &[(u16, u64, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, (command, number, body)) in messages.iter().enumerate() {
        let mut message = header2(*command, response, *number, 7, body, 0);
        if at > 0 {
            message[16] |= 4;
        }
        if at + 1 < messages.len() {
            message.resize(message.len().next_multiple_of(8), 0);
            let next = message.len() as u32;
            message[20..24].copy_from_slice(&next.to_le_bytes());
        }
        out.extend(message);
    }
    framed(&out)
}

/// The same body, about the file of the message before.
fn of_before(mut body: Vec<u8>, at: usize) -> Vec<u8> {
    body[at..at + 16].fill(0xff);
    body
}

/// A file of 3,000 bytes that is opened, and read in these pieces.
fn reading(pieces: &[std::ops::Range<usize>]) -> Vec<(From, Vec<u8>)> {
    let content: Vec<u8> = (0..3000u32).map(|at| b'a' + (at % 26) as u8).collect();
    let mut script = vec![
        (From::Orig, smb2(5, false, 2, 7, &create("f.txt", 0))),
        (From::Resp, smb2(5, true, 2, 7, &created(5, 3000))),
    ];
    for (number, piece) in pieces.iter().enumerate() {
        let data = &content[piece.clone()];
        script.extend(read(5, piece.start as u64, 10 + number as u64, data));
    }
    script.push((From::Orig, smb2(6, false, 99, 7, &close(5))));
    script
}

fn carried(script: &[(From, Vec<u8>)], hashes: Hashes) -> Files {
    let script: Vec<_> = script.iter().map(|(from, b)| (*from, &b[..])).collect();
    let outcome = play_cut_hashing(PORT, hashes, &script);
    let mut files = outcome.records.iter().filter_map(|record| match record {
        Record::App(App::Files(files)) => Some((**files).clone()),
        _ => None,
    });
    let file = files.next().expect("a file");
    assert!(files.next().is_none());
    file
}

const SHA256: Hashes = Hashes {
    md5: false,
    sha1: false,
    sha256: true,
};

#[test]
fn what_is_read_is_a_file_in_whatever_pieces() {
    for hashes in [Hashes::default(), SHA256] {
        let file = carried(&reading(&[0..1000, 1000..1001, 1001..3000]), hashes);
        assert_eq!(
            (file.source, file.filename.as_deref()),
            ("SMB", Some("f.txt"))
        );
        assert_eq!((file.seen_bytes, file.total_bytes), (3000, Some(3000)));
        assert!(!file.is_orig && file.mime_type == Some("text/plain"));
        // sha256sum of the same 3,000 letters.
        let sha256 = "9c81a321274950833a44af66aea4d47aaac4957b66e728aa3f2744b9a30e541e";
        assert_eq!(file.sha256.is_some(), hashes.sha256);
        assert!(file.sha256.is_none_or(|hash| &*hash == sha256));
    }
    let late = carried(&reading(&[0..1000, 2000..3000, 1000..2000]), SHA256);
    assert_eq!((late.seen_bytes, late.missing_bytes), (3000, 0));
    assert_eq!((late.overflow_bytes, late.sha256), (0, None));
    let again = carried(&reading(&[0..1000, 0..1000, 500..2500]), SHA256);
    assert_eq!((again.seen_bytes, again.overflow_bytes), (2500, 1500));
    assert_eq!(again.sha256, None);
    let holes = carried(&reading(&[0..10, 2000..3000]), SHA256);
    assert_eq!((holes.seen_bytes, holes.missing_bytes), (1010, 1990));
}

#[test]
fn what_is_written_is_a_file_that_its_deletion_names() {
    let script = conversation();
    let file = carried(&script, SHA256);
    assert!(file.is_orig && file.seen_bytes == 5000);
    assert_eq!(file.filename.as_deref(), Some(r"dir\old"));
    let script: Vec<_> = script.iter().map(|(from, b)| (*from, &b[..])).collect();
    let outcome = play_cut(PORT, &script);
    let fuids: Vec<_> = outcome
        .records
        .iter()
        .filter_map(|record| match record {
            Record::App(App::SmbFiles(files)) => Some(files.fuid),
            _ => None,
        })
        .collect();
    assert_eq!(fuids, [None, Some(file.fuid), Some(file.fuid)]);
}

#[test]
fn a_gap_in_what_is_read_ends_its_hash() {
    let all = 0..3000;
    let script = reading(std::slice::from_ref(&all));
    let mut play = Play::new(Transport::Tcp, 50_000, PORT).hashing(SHA256);
    for (from, bytes) in &script {
        match from {
            From::Orig => play.orig(bytes),
            From::Resp if bytes.len() > 3000 => {
                play.resp(&bytes[..1500]).resp_gap(100).resp(&bytes[1600..])
            }
            From::Resp => play.resp(bytes),
        };
    }
    let outcome = play.finish();
    let files: Vec<_> = outcome
        .records
        .iter()
        .filter_map(|record| match record {
            Record::App(App::Files(files)) => {
                Some((files.seen_bytes < 3000, files.sha256.is_some()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(files, [(true, false)]);
}

/// Numbers that look random.
fn random(state: &mut u64) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1);
    (*state >> 33) as usize
}

#[test]
fn broken_messages_do_no_harm() {
    let mut state = 1;
    let mut script = conversation();
    script.extend(reading(&[0..700, 700..900]));
    for (at, (_, message)) in script.iter().enumerate() {
        for round in 0..150 {
            let mut play = Play::new(Transport::Tcp, 50_000, PORT).hashing(SHA256);
            for (from, bytes) in &script[..at] {
                match from {
                    From::Orig => play.orig(bytes),
                    From::Resp => play.resp(bytes),
                };
            }
            let mut broken = message.clone();
            if round < message.len() && round % 2 == 0 {
                broken.truncate(round);
            } else {
                for _ in 0..4 {
                    let place = 4 + random(&mut state) % (broken.len() - 4);
                    broken[place] = random(&mut state) as u8;
                }
            }
            play.orig(&broken).resp(&broken);
            play.finish();
        }
    }
}
