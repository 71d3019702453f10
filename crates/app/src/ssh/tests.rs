//! Conversations that were made up; real ones are in tests/ssh.rs.

use portreeve_record::{App, Record, app::ssh::Ssh};

use super::session::Session;
use crate::SESSION_BYTES;
use crate::Transport;
use crate::testing::{From, Play, play_cut};

const _: () = assert!(size_of::<Session>() <= SESSION_BYTES);

fn packet(kind: u8, content: &[u8]) -> Vec<u8> {
    let padding = 4 + (8 - (content.len() + 10) % 8) % 8;
    let mut packet = ((content.len() + 2 + padding) as u32)
        .to_be_bytes()
        .to_vec();
    packet.extend([padding as u8, kind]);
    packet.extend_from_slice(content);
    packet.resize(packet.len() + padding, 0xaa);
    packet
}

fn strings(texts: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for text in texts {
        out.extend((text.len() as u32).to_be_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    out
}

fn kexinit(kex: &str, cipher: [&str; 2]) -> Vec<u8> {
    let mut content = vec![7; 16];
    let lists = [
        kex,
        "ssh-ed25519",
        cipher[0],
        cipher[1],
        "m1,m2",
        "m1,m2",
        "none",
        "none",
        "",
        "",
    ];
    content.extend(strings(&lists));
    content.extend([0; 5]);
    packet(20, &content)
}

fn key_reply() -> Vec<u8> {
    let mut key = strings(&["ssh-ed25519"]);
    key.extend(strings(&["0123456789abcdef0123456789abcdef"]));
    let mut content = (key.len() as u32).to_be_bytes().to_vec();
    content.extend(key);
    content.extend(strings(&["ephemeral", "signature"]));
    packet(31, &content)
}

fn script() -> Vec<(From, Vec<u8>)> {
    vec![
        (From::Resp, b"SSH-2.0-Server_1\r\n".to_vec()),
        (From::Orig, b"SSH-2.0-Client_1 with a comment\r\n".to_vec()),
        (From::Orig, kexinit("b,a,c", ["x,y", "y,x"])),
        (From::Resp, kexinit("a,b", ["y,x", "x,y"])),
        (From::Orig, packet(30, &strings(&["ephemeral"]))),
        (From::Resp, key_reply()),
        (From::Resp, packet(21, &[])),
        (From::Orig, packet(21, &[])),
    ]
}

fn ssh(records: &[Record]) -> &Ssh {
    match records {
        [Record::App(App::Ssh(ssh))] => ssh,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_connection_is_told_however_it_is_cut() {
    let script = script();
    let script: Vec<(From, &[u8])> = script
        .iter()
        .map(|(from, bytes)| (*from, &bytes[..]))
        .collect();
    let outcome = play_cut(2222, &script);
    assert_eq!(outcome.service, Some("ssh"));
    let ssh = ssh(&outcome.records);
    assert_eq!(ssh.version, Some(2));
    assert_eq!(
        ssh.client.as_deref(),
        Some("SSH-2.0-Client_1 with a comment")
    );
    assert_eq!(ssh.server.as_deref(), Some("SSH-2.0-Server_1"));
    assert_eq!(ssh.kex_alg.as_deref(), Some("b"));
    assert_eq!(
        ssh.cipher_alg.as_deref(),
        Some("To server: x, to client: y")
    );
    assert_eq!(ssh.mac_alg.as_deref(), Some("m1"));
    assert!(ssh.host_key.is_some() && ssh.hassh.is_some() && ssh.hasshserver.is_some());
    assert_ne!(ssh.hassh, ssh.hasshserver);
}

fn with_encrypted(sizes: &[usize]) -> Ssh {
    let mut play = Play::new(Transport::Tcp, 50_000, 22);
    for (from, bytes) in script() {
        match from {
            From::Orig => play.orig(&bytes),
            From::Resp => play.resp(&bytes),
        };
    }
    play.orig(&[0; 64]);
    for &size in sizes {
        play.resp(&vec![0; size]);
    }
    ssh(&play.finish().records).clone()
}

#[test]
fn sizes_tell_who_was_let_in() {
    let told = |sizes: &[usize]| {
        let ssh = with_encrypted(sizes);
        (ssh.auth_success, ssh.auth_attempts)
    };
    assert_eq!(told(&[]), (None, 0));
    assert_eq!(told(&[64, 48]), (Some(true), 1));
    assert_eq!(told(&[64, 80, 80, 48, 1000]), (Some(true), 2));
    assert_eq!(told(&[64, 80, 80, 80]), (Some(false), 2));
    assert_eq!(told(&[64, 900, 80, 96, 48]), (Some(true), 1));
    assert_eq!(told(&[64; 200]), (Some(false), 62));
}

#[test]
fn one_side_alone_is_told() {
    for wanted in [From::Orig, From::Resp] {
        let mut play = Play::new(Transport::Tcp, 50_000, 22);
        for (from, bytes) in script() {
            match from {
                _ if from != wanted => continue,
                From::Orig => play.orig(&bytes),
                From::Resp => play.resp(&bytes),
            };
        }
        let outcome = play.finish();
        let ssh = ssh(&outcome.records);
        assert_eq!(ssh.client.is_some(), wanted == From::Orig);
        assert_eq!(ssh.hassh.is_some(), wanted == From::Orig);
        assert_eq!(ssh.hasshserver.is_some(), wanted == From::Resp);
        assert_eq!(ssh.version, None);
    }
}

#[test]
fn lines_before_the_identification_are_borne_with() {
    let mut play = Play::new(Transport::Tcp, 50_000, 22);
    play.resp(b"Keep out.\r\nOr else.\r\nSSH-1.99-x\r\n")
        .orig(b"SSH-1.5-y\n");
    let outcome = play.finish();
    let ssh = ssh(&outcome.records);
    assert_eq!(
        (ssh.server.as_deref(), ssh.version),
        (Some("SSH-1.99-x"), Some(1))
    );
}

#[test]
fn the_key_of_version_1_is_found() {
    let number = |bytes: &[u8]| {
        let mut out = ((bytes.len() * 8) as u16).to_be_bytes().to_vec();
        out.extend_from_slice(bytes);
        out
    };
    let mut content = vec![2];
    content.extend([9; 8]);
    for (exponent, modulus) in [(&[3u8][..], &[1u8; 20][..]), (&[35], &[2; 30])] {
        content.extend([0, 0, 4, 0]);
        content.extend(number(exponent));
        content.extend(number(modulus));
    }
    for more in 0..8 {
        let mut content = content.clone();
        content.resize(content.len() + 16 + more, 0);
        let mut packet = (content.len() as u32).to_be_bytes().to_vec();
        packet.resize(packet.len() + 8 - content.len() % 8, 0);
        packet.extend(content);
        let script = [
            (From::Resp, &b"SSH-1.5-a\n"[..]),
            (From::Orig, b"SSH-1.5-b\n"),
            (From::Resp, &packet),
        ];
        let outcome = play_cut(22, &script);
        let expected = super::fingerprint::md5(&[&[2; 30], &[35]]);
        assert_eq!(ssh(&outcome.records).host_key, Some(expected), "{more}");
    }
}

#[test]
fn damage_harms_nothing() {
    let script = script();
    let all: Vec<u8> = script
        .iter()
        .filter(|(from, _)| *from == From::Resp)
        .flat_map(|(_, bytes)| bytes.clone())
        .collect();
    let mut state = 1u32;
    for len in 0..all.len() {
        let mut bytes = all[..len].to_vec();
        for _ in 0..3 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = (state >> 8) as usize % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= state as u8;
            }
        }
        for bytes in [&bytes[..], &all[..len]] {
            let mut play = Play::of(&super::SSH, Transport::Tcp, 50_000, 22);
            play.resp(bytes).orig(bytes).resp_gap(5).resp(bytes);
            let records = play.finish().records;
            assert!(
                records
                    .iter()
                    .filter(|r| matches!(r, Record::App(_)))
                    .count()
                    <= 1
            );
        }
    }
}
