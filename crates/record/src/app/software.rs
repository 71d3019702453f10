//! `software`: a program that a host runs, as far as it says so itself.

use std::net::{IpAddr, Ipv4Addr};

use super::Head;
use super::head::{SENSOR, SOURCE, TS, UID};
use crate::field::Info;
use crate::field::Ipfix::{ByFamily, Iana, Own};
use crate::field::Kind::{Addr, Count, Enum, Port, Str};
use crate::field::Storage;
use crate::value::Value;

/// A program that gave itself away, with Zeek's fields.
///
/// A session that hears of one sends it as it was said, `name` and `version` unset; what is new is found out on the output side, which completes the record or takes it in.
#[derive(Clone, Debug, PartialEq)]
pub struct Software {
    /// The conversation that showed it; `ts` is when.
    pub head: Head,
    /// The host that runs it.
    pub host: IpAddr,
    /// The port it serves, host order; `None` for a client.
    pub host_p: Option<u16>,
    /// What kind of program, by Zeek's names: `HTTP::BROWSER`.
    pub software_type: &'static str,
    /// Its name.
    pub name: Option<Box<str>>,
    /// Its version.
    pub version: Version,
    /// What it said of itself.
    pub unparsed_version: Box<str>,
}

/// A version, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The first number.
    pub major: Option<u64>,
    /// The second.
    pub minor: Option<u64>,
    /// The third.
    pub minor2: Option<u64>,
    /// The fourth.
    pub minor3: Option<u64>,
    /// What stands behind the numbers.
    pub addl: Option<Box<str>>,
}

impl Default for Software {
    fn default() -> Self {
        Software {
            head: Head::default(),
            host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            host_p: None,
            software_type: "Software::UNKNOWN",
            name: None,
            version: Version::default(),
            unparsed_version: Box::default(),
        }
    }
}

app_log! {
    /// The fields of `software`.
    SOFTWARE: Software, |s, x|
    TS => Value::Time(s.head.ts);
    Info::zeek("host", Addr, "software.host", ByFamily(8, 27), "The host that runs it.") => Value::Addr(s.host);
    Info::zeek("host_p", Port, "software.host_p", Iana(7), "The port it serves; unset for clients.").optional() => s.host_p.map_or(Value::Unset, Value::Port);
    Info::zeek("software_type", Enum, "software.software_type", Own(100), "What kind of program it is: `HTTP::BROWSER`, `HTTP::SERVER`, `HTTP::APPSERVER`, `SSH::CLIENT`, `SSH::SERVER`, `SMTP::MAIL_CLIENT`, `SMTP::WEBMAIL_SERVER`, `FTP::CLIENT`, `MySQL::SERVER`, `DHCP::CLIENT`.") => Value::Str(s.software_type);
    Info::zeek("name", Str, "software.name", Own(101), "Its name.").optional() => Value::str(s.name.as_deref());
    Info::zeek("version.major", Count, "software.version.major", Own(102), "First number of its version.").optional() => Value::count(s.version.major);
    Info::zeek("version.minor", Count, "software.version.minor", Own(103), "Second number.").optional() => Value::count(s.version.minor);
    Info::zeek("version.minor2", Count, "software.version.minor2", Own(104), "Third number.").optional() => Value::count(s.version.minor2);
    Info::zeek("version.minor3", Count, "software.version.minor3", Own(105), "Fourth number.").optional() => Value::count(s.version.minor3);
    Info::zeek("version.addl", Str, "software.version.addl", Own(106), "What stands behind the numbers.").optional().stored(Storage::Name) => Value::str(s.version.addl.as_deref());
    Info::zeek("unparsed_version", Str, "software.unparsed_version", Own(107), "What the program said of itself.").optional() => Value::Str(&s.unparsed_version);
    Info::added(UID.name, Str, UID.eve, Own(1), "The flow that showed it.") => Value::Uid(s.head.uid);
    SOURCE => x.source(s.head.source).into();
    SENSOR => x.sensor().into();
}
