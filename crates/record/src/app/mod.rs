//! Application records: what the conversations are about. One file a log: its struct and the table of its fields.
//!
//! To add a log: write its file, and one line in the list below. Everything else (dialects, file names, the reference page,
//! storage types) follows.
//!
//! Unlike `conn`, which is written for every flow, these are many kinds, each made seldom: a dialect is not compiled apart for each, but handed a record's values at once
//! ([`AppRecord::fields`]), and walks them along the log's table. Texts in them are owned, cleaned of what is not printable where they are made.

mod head;

/// Makes of a table `NAME: Record, |record, context| info => value; …` the log's fields: those that every record of a conversation
/// has (see [`Head`]), those of the table, and `source` and `sensor`.
macro_rules! conversation_log {
    ($(#[$doc:meta])* $name:ident: $record:ty, |$r:ident, $x:ident| $($info:expr => $value:expr;)*) => {
        app_log! {
            $(#[$doc])*
            $name: $record, |$r, $x|
            $crate::app::head::TS => $crate::Value::Time($r.head.ts);
            $crate::app::head::UID => $crate::Value::Uid($r.head.uid);
            $crate::app::head::ORIG_H => $crate::Value::Addr($r.head.orig_h);
            $crate::app::head::ORIG_P => $crate::Value::Port($r.head.orig_p);
            $crate::app::head::RESP_H => $crate::Value::Addr($r.head.resp_h);
            $crate::app::head::RESP_P => $crate::Value::Port($r.head.resp_p);
            $($info => $value;)*
            $crate::app::head::SOURCE => $x.source($r.head.source).into();
            $crate::app::head::SENSOR => $x.sensor().into();
        }
    };
}

/// Makes of a table `NAME: Record, |record, context| info => value; …` the log's fields, and nothing more. The record has a `head`.
macro_rules! app_log {
    ($(#[$doc:meta])* $name:ident: $record:ty, |$r:ident, $x:ident| $($info:expr => $value:expr;)*) => {
        $(#[$doc])*
        pub static $name: &[$crate::Info] = &[$($info),*];

        impl $crate::app::AppRecord for $record {
            fn head(&self) -> &$crate::app::Head {
                &self.head
            }

            #[allow(unused_variables)]
            fn fields<'a>(
                &'a self,
                $x: &'a $crate::RecordContext,
                take: &mut dyn FnMut(&'static [$crate::Info], &[$crate::Value<'a>]),
            ) {
                let $r = self;
                take($name, &[$($value),*]);
            }
        }
    };
}

/// The list of logs: `Variant(module::Struct) = TABLE, path, EVE's event type and object, what the log is`.
macro_rules! app_records {
    ($($variant:ident($module:ident::$record:ident) = $table:ident, $path:literal, $event:literal, $doc:literal;)*) => {
        $(pub mod $module;)*

        /// One application record of any kind.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum App {
            $(#[doc = $doc] $variant(Box<$module::$record>),)*
        }

        $(impl From<$module::$record> for App {
            fn from(record: $module::$record) -> Self {
                App::$variant(Box::new(record))
            }
        })*

        impl App {
            /// The name of the log this record belongs to (Zeek's `_path`).
            #[must_use]
            pub fn path(&self) -> &'static str {
                match self {
                    $(App::$variant(_) => $path,)*
                }
            }

            /// The type of its EVE event, and the name of the object that its own members stand in.
            #[must_use]
            pub fn event_type(&self) -> &'static str {
                match self {
                    $(App::$variant(_) => $event,)*
                }
            }

            /// What every kind of record can.
            #[must_use]
            pub fn record(&self) -> &dyn AppRecord {
                match self {
                    $(App::$variant(record) => &**record,)*
                }
            }
        }

        /// Every application log there is.
        pub(crate) fn logs() -> Vec<Log> {
            vec![$(Log {
                path: $path,
                doc: $doc,
                fields: $module::$table.to_vec(),
            }),*]
        }
    };
}

use crate::context::RecordContext;
use crate::field::Info;
use crate::schema::Log;
use crate::value::Value;

pub use head::Head;

app_records! {
    Dns(dns::Dns) = DNS, "dns", "dns", "A name looked up: the query and what answered it. One record for each question.";
    Http(http::Http) = HTTP, "http", "http", "A request and its response.";
    Quic(quic::Quic) = QUIC, "quic", "quic", "A connection over QUIC: version, identifiers, and the name and protocol its client asks for.";
    Ssl(ssl::Ssl) = SSL, "ssl", "tls", "A handshake of TLS or DTLS: what was offered and chosen. One record for each connection.";
    X509(x509::X509) = X509_FIELDS, "x509", "x509", "A certificate that was seen in a handshake.";
    Ftp(ftp::Ftp) = FTP, "ftp", "ftp", "A command about a file, and the reply to it.";
    Irc(irc::Irc) = IRC, "irc", "irc", "What a client does in a chat: the names it takes, the channels it joins, files that are offered.";
    Socks(socks::Socks) = SOCKS, "socks", "socks", "A connection made through a proxy: where to, and what the proxy answered.";
    Mysql(mysql::Mysql) = MYSQL, "mysql", "mysql", "A command to a database, and what came of it.";
    Postgresql(postgresql::Postgresql) = POSTGRESQL, "postgresql", "pgsql", "What a client asked of a database, and what came of it.";
    Redis(redis::Redis) = REDIS, "redis", "redis", "A command to a store of keys and values, and the reply to it.";
    Smtp(smtp::Smtp) = SMTP, "smtp", "smtp", "A mail handed over: envelope and headers. One record for each message.";
    Ssh(ssh::Ssh) = SSH, "ssh", "ssh", "A remote login: the versions, the algorithms, and whether the user was let in. One record for each connection.";
    Dhcp(dhcp::Dhcp) = DHCP, "dhcp", "dhcp", "A host that was given its address. One record for each transaction.";
    Dhcpv6(dhcpv6::Dhcpv6) = DHCPV6, "dhcpv6", "dhcpv6", "A host that was given its IPv6 address or prefix. One record for each transaction in a flow.";
    Ntp(ntp::Ntp) = NTP, "ntp", "ntp", "A message that sets a clock. One record for each.";
    Snmp(snmp::Snmp) = SNMP, "snmp", "snmp", "A device that was asked how it is. One record for each flow.";
    Sip(sip::Sip) = SIP, "sip", "sip", "A request of a call, and a response to it. One record for each response.";
    Radius(radius::Radius) = RADIUS, "radius", "radius", "Somebody who wants in, and how it ended.";
    Syslog(syslog::Syslog) = SYSLOG, "syslog", "syslog", "What a program has to say.";
    Tftp(tftp::Tftp) = TFTP, "tftp", "tftp", "A file that is fetched or put without asking who.";
    MqttConnect(mqtt_connect::MqttConnect) = MQTT_CONNECT, "mqtt_connect", "mqtt", "A client that came to a broker.";
    MqttPublish(mqtt_publish::MqttPublish) = MQTT_PUBLISH, "mqtt_publish", "mqtt", "A message under a topic.";
    MqttSubscribe(mqtt_subscribe::MqttSubscribe) = MQTT_SUBSCRIBE, "mqtt_subscribe", "mqtt", "Topics that were asked for.";
    Modbus(modbus::Modbus) = MODBUS, "modbus", "modbus", "A message to or from a controller.";
    Dnp3(dnp3::Dnp3) = DNP3, "dnp3", "dnp3", "What an outstation was asked, and its response.";
    Cotp(cotp::Cotp) = COTP, "cotp", "cotp", "A connection that a controller's protocol runs in, made or ended. One record for each message but data.";
    S7comm(s7comm::S7comm) = S7COMM, "s7comm", "s7comm", "A message to or from one of Siemens' controllers.";
    S7commPlus(s7comm_plus::S7commPlus) = S7COMM_PLUS, "s7comm_plus", "s7comm_plus", "A message to or from one of Siemens' newer controllers.";
    Rtp(rtp::Rtp) = RTP, "rtp", "rtp", "A voice or picture on its way, as its stream began. One record for each sender.";
    SmbMapping(smb_mapping::SmbMapping) = SMB_MAPPING, "smb_mapping", "smb", "A share that a client connected to over SMB.";
    SmbFiles(smb_files::SmbFiles) = SMB_FILES, "smb_files", "smb", "What was done to a file over SMB.";
    Ntlm(ntlm::Ntlm) = NTLM, "ntlm", "ntlmssp", "An authentication with NTLM.";
    Kerberos(kerberos::Kerberos) = KERBEROS, "kerberos", "krb5", "A ticket of Kerberos that was asked for or shown.";
    Rdp(rdp::Rdp) = RDP, "rdp", "rdp", "A connection to a remote desktop.";
    Ldap(ldap::Ldap) = LDAP, "ldap", "ldap", "A request to a directory and its answer, searches apart.";
    LdapSearch(ldap_search::LdapSearch) = LDAP_SEARCH, "ldap_search", "ldap", "A search in a directory.";
    KnownHosts(known_hosts::KnownHosts) = KNOWN_HOSTS, "known_hosts", "known_hosts", "A host that finished a handshake of TCP, once a day.";
    KnownServices(known_services::KnownServices) = KNOWN_SERVICES, "known_services", "known_services", "A port that answered, and the protocols it spoke, once a day.";
    Software(software::Software) = SOFTWARE, "software", "software", "A program that a host runs, as it was said in clear: when it is new to us, or another version.";
    DceRpc(dce_rpc::DceRpc) = DCE_RPC, "dce_rpc", "dcerpc", "A call of a remote procedure.";
    Files(files::Files) = FILES, "files", "fileinfo", "A file that a conversation carried: its type, name and size, and its hashes where they are asked for.";
    Alert(alert::Alert) = ALERT, "alert", "portreeve_alert", "A threshold on Portreeve's own work that was passed, or is not passed any more. (Not what Suricata calls an alert.)";
    Tunnel(tunnel::Tunnel) = TUNNEL, "tunnel", "tunnel", "A connection that carries others: that it was discovered, and that it ended.";
}

/// What every kind of application record can.
pub trait AppRecord {
    /// The conversation it is of, and when.
    fn head(&self) -> &Head;

    /// Hands the record's fields to `take`, all at once: what is said of each, in the order of the log's table, and the value of each.
    fn fields<'a>(
        &'a self,
        context: &'a RecordContext,
        take: &mut dyn FnMut(&'static [Info], &[Value<'a>]),
    );
}
