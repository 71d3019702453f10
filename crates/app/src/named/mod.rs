//! Protocols that are recognised and not read: a flow in one of them has its name in `service`, and leaves.

pub(crate) mod bacnet;
pub(crate) mod bgp;
pub(crate) mod bittorrent;
pub(crate) mod coap;
pub(crate) mod enip;
pub(crate) mod ipsec;
pub(crate) mod mongodb;
pub(crate) mod netbios_dgm;
pub(crate) mod openvpn;
pub(crate) mod pptp;
pub(crate) mod rfb;
pub(crate) mod rtsp;
pub(crate) mod ssdp;
pub(crate) mod sun_rpc;
pub(crate) mod tds;
pub(crate) mod tls_records;
pub(crate) mod wireguard;

use crate::context::Context;
use crate::protocol::{Peer, Session, Transport, Want};

/// A session that wants nothing.
struct Named;

fn session(_: Transport) -> Box<dyn Session> {
    Box::new(Named)
}

impl Session for Named {
    fn start(&mut self, _: Peer) -> Want {
        Want::Nothing
    }

    fn unit(&mut self, _: Peer, _: &[u8], context: &mut Context<'_>) -> Want {
        context.done();
        Want::Nothing
    }
}

#[cfg(test)]
mod tests {
    use crate::protocol::Transport;
    use crate::testing::Play;

    fn service(transport: Transport, port: u16, orig: &[u8], resp: &[u8]) -> Option<&'static str> {
        let mut play = Play::new(transport, 40_000, port);
        if !orig.is_empty() {
            play.orig(orig);
        }
        if !resp.is_empty() {
            play.resp(resp);
        }
        play.finish().service
    }

    fn padded(beginning: &[u8], len: usize) -> Vec<u8> {
        let mut bytes = beginning.to_vec();
        bytes.resize(len, 7);
        bytes
    }

    #[test]
    fn each_is_known_by_its_mark_and_not_without_it() {
        use Transport::{Tcp, Udp};
        let ike = {
            let mut bytes = vec![1; 8];
            bytes.extend([0; 8]);
            bytes.extend([33, 0x20, 34, 8, 0, 0, 0, 0, 0, 0, 0, 40]);
            padded(&bytes, 40)
        };
        let natted = [&[0; 4], &ike[..]].concat();
        let reset = [&[0x38, 1, 2, 3, 4, 5, 6, 7, 8, 0][..], &[0; 4]].concat();
        let mut mongo = 26u32.to_le_bytes().to_vec();
        mongo.extend([1, 0, 0, 0, 0, 0, 0, 0, 0xdd, 7, 0, 0]);
        let mongo = padded(&mongo, 26);
        let mut enip = vec![0x65, 0, 4, 0];
        enip.extend([0; 20]);
        enip.extend([1, 0, 0, 0]);
        let cases: [(&str, Transport, u16, &[u8]); 10] = [
            (
                "bittorrent",
                Tcp,
                6000,
                b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0",
            ),
            (
                "bittorrent",
                Udp,
                6000,
                b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe",
            ),
            ("wireguard", Udp, 51_820, &padded(&[1, 0, 0, 0], 148)),
            ("ipsec", Udp, 500, &ike),
            ("ipsec", Udp, 4500, &natted),
            ("openvpn", Udp, 1194, &reset),
            ("mongodb", Tcp, 27_017, &mongo),
            (
                "bacnet",
                Udp,
                47_808,
                &[0x81, 0x0a, 0, 8, 1, 0x20, 0xff, 0xff],
            ),
            ("enip", Tcp, 44_818, &enip),
            ("enip", Udp, 44_818, &enip),
        ];
        for (name, transport, port, bytes) in cases {
            assert_eq!(service(transport, port, bytes, b""), Some(name), "{name}");
            assert_eq!(
                service(transport, port, b"", bytes),
                Some(name),
                "{name}, turned round"
            );
            if transport == Transport::Tcp {
                let mut play = Play::new(transport, 40_000, port);
                for byte in bytes {
                    play.orig(&[*byte]);
                }
                assert_eq!(play.finish().service, Some(name), "{name}, byte by byte");
            }
            // What carries it is a part of the mark, and so is its beginning.
            let mut other = bytes.to_vec();
            match name {
                // An exchange begins with any eight bytes: its length is the mark.
                "ipsec" => drop(other.pop()),
                // The operation, not the length before it.
                "mongodb" => other[13] ^= 0x80,
                _ => other[0] ^= 0x80,
            }
            assert_ne!(service(transport, port, &other, b""), Some(name), "{name}");
            for len in 0..bytes.len() {
                service(transport, port, &bytes[..len], b"");
            }
        }
    }

    #[test]
    fn these_too() {
        use Transport::{Tcp, Udp};
        let mut call = 7u32.to_be_bytes().to_vec();
        for word in [0u32, 2, 100_003, 3, 1] {
            call.extend(word.to_be_bytes());
        }
        let over_tcp = [&0x8000_0018_u32.to_be_bytes()[..], &call].concat();
        let map = [&call[..15], &[0xa0], &call[16..]].concat();
        let mut prelogin = vec![0x12, 1, 0, 47, 0, 0, 1, 0, 0, 0, 26, 0, 6];
        prelogin.resize(47, 0);
        let data = padded(&[23, 3, 3, 0, 32], 37);
        let datagram = padded(&[23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 32], 45);
        let cases: [(&str, Transport, u16, &[u8]); 16] = [
            (
                "rtsp",
                Tcp,
                6000,
                b"DESCRIBE rtsp://a/b RTSP/1.0\r\nCSeq: 1\r\n\r\n",
            ),
            (
                "ssdp",
                Udp,
                1900,
                b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n",
            ),
            (
                "ssdp",
                Udp,
                1900,
                b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\n\r\n",
            ),
            ("tds", Tcp, 6000, &prelogin),
            ("bgp", Tcp, 179, &[&[0xff; 16][..], &[0, 19, 4]].concat()),
            ("rfb", Tcp, 6000, b"RFB 003.008\n"),
            (
                "pptp",
                Tcp,
                6000,
                &padded(&[0, 156, 0, 1, 0x1a, 0x2b, 0x3c, 0x4d, 0, 1], 156),
            ),
            ("coap", Udp, 5683, &[0x42, 1, 0, 7, 1, 2]),
            ("nfs", Udp, 6000, &call),
            ("nfs", Tcp, 2049, &over_tcp),
            ("portmapper", Udp, 111, &map),
            ("ssl", Tcp, 443, &data),
            ("ssl", Tcp, 6000, &data),
            ("ssl", Tcp, 443, &data[..20]),
            ("dtls", Udp, 6000, &datagram),
            ("dtls", Udp, 443, &[&datagram[..], &datagram].concat()),
        ];
        for (name, transport, port, bytes) in cases {
            assert_eq!(service(transport, port, bytes, b""), Some(name), "{name}");
            assert_eq!(
                service(transport, port, b"", bytes),
                Some(name),
                "{name}, turned round"
            );
            let mut other = bytes.to_vec();
            // Of a remote call the identifier may be anything: its version is the mark.
            let at = if bytes == &call[..] || bytes == &map[..] {
                11
            } else {
                0
            };
            other[at] ^= 0x40;
            assert_ne!(service(transport, port, &other, b""), Some(name), "{name}");
            for len in 0..bytes.len() {
                service(transport, port, &bytes[..len], b"");
            }
        }
        let answer = b"HTTP/1.1 200 OK\r\nST: a\r\nUSN: uuid:1\r\n\r\n";
        assert_eq!(service(Udp, 6000, answer, b""), Some("ssdp"));
        assert_eq!(service(Udp, 6000, &answer[..24], b""), None);
        // Less than a record, and no port of TLS.
        assert_eq!(service(Tcp, 6000, &data[..20], b""), None);
    }
}
