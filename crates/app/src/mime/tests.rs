//! Messages that were made up; real ones are in tests/files.rs.

use portreeve_record::app::files::Files;
use portreeve_record::{App, Record};

use crate::testing::{From, Outcome, Play, play_cut_hashing};
use crate::{Hashes, Transport};

const MD5: Hashes = Hashes {
    md5: true,
    sha1: false,
    sha256: false,
};

fn files(records: &[Record]) -> Vec<&Files> {
    let files = records.iter().filter_map(|record| match record {
        Record::App(App::Files(files)) => Some(&**files),
        _ => None,
    });
    files.collect()
}

/// A mail of this content, cut in every way.
fn mailed(message: &[u8]) -> Outcome {
    play_cut_hashing(
        25,
        MD5,
        &[
            (From::Resp, b"220 x ESMTP\r\n"),
            (From::Orig, b"EHLO a\r\nMAIL FROM:<a@b>\r\nDATA\r\n"),
            (From::Resp, b"250 x\r\n250 x\r\n354 x\r\n"),
            (From::Orig, message),
            (From::Orig, b"\r\n.\r\nQUIT\r\n"),
            (From::Resp, b"250 queued\r\n221 bye\r\n"),
        ],
    )
}

/// Depth, name, size and type of each.
fn brief(outcome: &Outcome) -> Vec<(u64, &str, u64, &str)> {
    files(&outcome.records)
        .iter()
        .map(|file| {
            (
                file.depth,
                file.filename.as_deref().unwrap_or("-"),
                file.seen_bytes,
                file.mime_type.unwrap_or("-"),
            )
        })
        .collect()
}

#[test]
fn a_plain_mail_is_one_file() {
    let outcome = mailed(b"Subject: s\r\n\r\nfirst line\r\n..\r\nlast");
    // `first line`, a dot and `last`, each with its line end.
    assert_eq!(brief(&outcome), [(1, "-", 21, "text/plain")]);
    let smtp = outcome.records.iter().find_map(|record| match record {
        Record::App(App::Smtp(smtp)) => Some(smtp),
        _ => None,
    });
    assert_eq!(smtp.unwrap().fuids, [files(&outcome.records)[0].fuid]);
}

#[test]
fn parts_are_files_and_decoded() {
    let outcome = mailed(
        b"Content-Type: multipart/mixed;\r\n boundary=\"out er\"\r\n\r\nnot a file\r\n\
        --out er\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n\
        --in\r\n\r\none line\r\nand two\r\n\
        --in\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<html>=\r\n=3D\r\nx \r\n\
        --in--\r\n\
        --out er\r\nContent-Disposition: attachment;\r\n\tfilename=\"a.gif\"\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        R0lGODlh\r\naGVsbG8=\r\n\
        --out er\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner body\r\n\
        --out er--\r\nnor is this",
    );
    assert_eq!(
        brief(&outcome),
        [
            (3, "-", 17, "text/plain"),
            // `<html>=` and `x` with a line end between.
            (4, "-", 10, "text/html"),
            (5, "a.gif", 11, "image/gif"),
            (7, "-", 12, "text/plain"),
        ]
    );
    let told = files(&outcome.records);
    // Of `GIF89ahello`, by md5sum.
    assert_eq!(
        told[2].md5.as_deref(),
        Some("918f7d0ea2440073c89e6dad22d36e54")
    );
}

#[test]
fn entities_are_bounded() {
    let mut many = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    for _ in 0..2000 {
        many.extend_from_slice(b"--b\r\n\r\nx\r\n");
    }
    let mut play = Play::new(Transport::Tcp, 50_000, 25);
    play.resp(b"220 x ESMTP\r\n")
        .orig(b"DATA\r\n")
        .resp(b"354 x\r\n");
    play.orig(&many).orig(b".\r\n");
    let outcome = play.finish();
    assert_eq!(files(&outcome.records).len(), super::MAX_ENTITIES as usize);
    let mut deep = Vec::new();
    for level in 0..100 {
        let head =
            format!("Content-Type: multipart/mixed; boundary=b{level:03}\r\n\r\n--b{level:03}\r\n");
        deep.extend_from_slice(head.as_bytes());
    }
    let mut play = Play::new(Transport::Tcp, 50_000, 25);
    play.resp(b"220 x ESMTP\r\n")
        .orig(b"DATA\r\n")
        .resp(b"354 x\r\n");
    play.orig(&deep).orig(b".\r\n");
    assert_eq!(files(&play.finish().records).len(), 1);
}

#[test]
fn missing_bytes_are_told() {
    let mut play = Play::new(Transport::Tcp, 50_000, 25).hashing(MD5);
    play.resp(b"220 x ESMTP\r\n")
        .orig(b"EHLO a\r\nMAIL FROM:<a@b>\r\nDATA\r\n")
        .resp(b"250 x\r\n250 x\r\n354 x\r\n")
        .orig(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello wo")
        .orig_gap(100)
        .orig(b"rld\r\n--b\r\n\r\nwhole\r\n--b--\r\n.\r\n")
        .resp(b"250 queued\r\n");
    let outcome = play.finish();
    let [broken, whole] = files(&outcome.records)[..] else {
        panic!("{outcome:#?}");
    };
    assert_eq!((broken.seen_bytes, broken.missing_bytes), (11, 100));
    assert!(broken.md5.is_none() && whole.md5.is_some());
}
