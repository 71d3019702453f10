//! Names of the numbers in DNS (IANA's "Domain Name System (DNS) Parameters"), as Zeek spells them.

use crate::value::{Text, Value};

/// `prefix` and the number, for one that has no name.
fn unnamed(prefix: &str, number: u16) -> Value<'static> {
    let mut text = Text::from(prefix);
    text.push_number(number.into());
    Value::Text(text)
}

/// A class.
pub(super) fn class(class: u16) -> Value<'static> {
    Value::Word(match class {
        1 => "C_INTERNET",
        2 => "C_CSNET",
        3 => "C_CHAOS",
        4 => "C_HESIOD",
        254 => "C_NONE",
        255 => "C_ANY",
        other => return unnamed("qclass-", other),
    })
}

/// A response code.
pub(super) fn response_code(code: u16) -> Value<'static> {
    Value::Word(match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSet",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        11..=15 => return unnamed("unassigned-", code),
        16 => "BADVERS",
        17 => "BADKEY",
        18 => "BADTIME",
        19 => "BADMODE",
        20 => "BADNAME",
        21 => "BADALG",
        22 => "BADTRUNC",
        23 => "BADCOOKIE",
        other => return unnamed("rcode-", other),
    })
}

/// A type of resource record. Over NBNS (RFC 1002 section 4.2.1.3) 32 and 33 are `NB` and `NBSTAT`.
pub(super) fn record_type(kind: u16, nbns: bool) -> Value<'static> {
    Value::Word(match kind {
        32 if nbns => "NB",
        33 if nbns => "NBSTAT",
        1 => "A",
        2 => "NS",
        3 => "MD",
        4 => "MF",
        5 => "CNAME",
        6 => "SOA",
        7 => "MB",
        8 => "MG",
        9 => "MR",
        10 => "NULL",
        11 => "WKS",
        12 => "PTR",
        13 => "HINFO",
        14 => "MINFO",
        15 => "MX",
        16 => "TXT",
        17 => "RP",
        18 => "AFSDB",
        19 => "X25",
        20 => "ISDN",
        21 => "RT",
        22 => "NSAP",
        23 => "NSAP-PTR",
        24 => "SIG",
        25 => "KEY",
        26 => "PX",
        27 => "GPOS",
        28 => "AAAA",
        29 => "LOC",
        30 => "NXT",
        31 => "EID",
        32 => "NIMLOC",
        33 => "SRV",
        34 => "ATMA",
        35 => "NAPTR",
        36 => "KX",
        37 => "CERT",
        38 => "A6",
        39 => "DNAME",
        40 => "SINK",
        41 => "OPT",
        42 => "APL",
        43 => "DS",
        44 => "SSHFP",
        45 => "IPSECKEY",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        49 => "DHCID",
        50 => "NSEC3",
        51 => "NSEC3PARAM",
        52 => "TLSA",
        53 => "SMIMEA",
        55 => "HIP",
        56 => "NINFO",
        57 => "RKEY",
        58 => "TALINK",
        59 => "CDS",
        60 => "CDNSKEY",
        61 => "OPENPGPKEY",
        62 => "CSYNC",
        63 => "ZONEMD",
        64 => "SVCB",
        65 => "HTTPS",
        99 => "SPF",
        100 => "UINFO",
        101 => "UID",
        102 => "GID",
        103 => "UNSPEC",
        104 => "NID",
        105 => "L32",
        106 => "L64",
        107 => "LP",
        108 => "EUI48",
        109 => "EUI64",
        249 => "TKEY",
        250 => "TSIG",
        251 => "IXFR",
        252 => "AXFR",
        253 => "MAILB",
        254 => "MAILA",
        255 => "*",
        256 => "URI",
        257 => "CAA",
        32768 => "TA",
        32769 => "DLV",
        65281 => "WINS",
        65282 => "WINS-R",
        65422 => "XPF",
        65521 => "INTEGRITY",
        other => return unnamed("query-", other),
    })
}

/// An operation code. NBNS (RFC 1002 section 4.2.1.1) has its own.
pub(super) fn opcode(code: u8, nbns: bool) -> Value<'static> {
    Value::Word(match (code, nbns) {
        (0, true) => "netbios-query",
        (5, true) => "netbios-registration",
        (6, true) => "netbios-release",
        (7, true) => "netbios-wack",
        (8, true) => "netbios-refresh",
        (other, true) => return unnamed("netbios-opcode-", other.into()),
        (0, false) => "query",
        (1, false) => "iquery",
        (2, false) => "server-status",
        (4, false) => "notify",
        (5, false) => "dynamic-update",
        (6, false) => "dso",
        (other, false) => return unnamed("opcode-", other.into()),
    })
}
