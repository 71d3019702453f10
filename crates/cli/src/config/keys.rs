//! Every configuration key, described once: its type, default, and documentation.
//!
//! From this table come the [`Config`] that the program runs by, the check of what a file says, the
//! answer of `--check` and the page docs/configuration.md.

use std::path::PathBuf;

use ipnet::IpNet;
use portreeve_store::StoreConfig;

use super::layers::{ConfigError, Layers};
use super::secrets::{self, Mask};
use super::values::{
    BitRate, ByteSize, Checksums, Compression, CpuList, Direction, FileHash, Format, Hosts,
    HugePages, Interval, Listen, Overlap, PacketRate, Percent, ProtocolName, Scheduling, Setting,
    Time, WaitMode, Workers, XdpMode, ZeroCopy,
};

/// One key, as the reference page, `--check` and the check of names need it.
pub struct Key {
    /// Its full name, `section.key`.
    pub name: &'static str,
    /// Lines of documentation, in Markdown.
    pub doc: &'static [&'static str],
    /// What its type is called.
    pub kind: fn() -> String,
    /// Its default value.
    pub default: fn() -> toml::Value,
    /// Whether a reload (SIGHUP) changes it in a running instance; else it takes a restart.
    pub live: bool,
    /// What of it is shown, where it holds a secret.
    pub mask: Option<Mask>,
}

/// A group of keys: a table of the file.
pub struct Section {
    /// Its name; empty for the keys before the first table.
    pub name: &'static str,
    /// Lines of documentation, in Markdown.
    pub doc: &'static [&'static str],
    /// Its keys, in the order of the reference page.
    pub keys: &'static [Key],
}

/// The mask of that name in [`secrets`], if one is named.
macro_rules! mask {
    () => {
        None
    };
    ($mask:ident) => {
        Some(secrets::$mask)
    };
}

macro_rules! settings {
    ($(
        $(#[doc = $section_doc:literal])*
        $section:ident: $Section:ident = $section_name:literal {
            $(
                $(#[doc = $doc:literal])*
                $key:ident: $type:ty = $default:expr, $full:literal $(, $live:ident)? $(=> $mask:ident)?;
            )*
        }
    )*) => {
        $(
            $(#[doc = $section_doc])*
            #[derive(Clone, Debug, PartialEq)]
            pub struct $Section {
                $($(#[doc = $doc])* pub $key: $type,)*
            }
        )*

        /// The effective configuration.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $($(#[doc = $section_doc])* pub $section: $Section,)*
        }

        /// Every section with its keys.
        pub const SECTIONS: &[Section] = &[$(Section {
            name: $section_name,
            doc: &[$($section_doc,)*],
            keys: &[$(Key {
                name: $full,
                doc: &[$($doc,)*],
                kind: <$type as Setting>::kind,
                default: || { let default: $type = $default; default.to_toml() },
                live: !stringify!($($live)?).is_empty(),
                mask: mask!($($mask)?),
            },)*],
        },)*];

        impl Config {
            /// The configuration that the layers say.
            ///
            /// # Errors
            /// Everything that is wrong with them, not only the first.
            pub fn from_layers(layers: &Layers) -> Result<Config, Vec<ConfigError>> {
                let mut errors = layers.unknown();
                $($(
                    let $key = match layers.read::<$type>($full) {
                        Ok(Some(value)) => value,
                        Ok(None) => $default,
                        Err(error) => {
                            errors.push(error);
                            $default
                        }
                    };
                )*
                let $section = $Section { $($key,)* };
                )*
                if errors.is_empty() { Ok(Config { $($section,)* }) } else { Err(errors) }
            }
        }
    };
}

settings! {
    /// What the run is called and which networks are ours.
    general: General = "" {
        /// Name of this sensor, written into every record. Empty: the name of the host.
        sensor: Option<String> = None, "sensor";
        /// Networks that are ours: they decide `local_orig` and `local_resp` of a conn record. With none, both stay unset.
        local_nets: Vec<IpNet> = Vec::new(), "local_nets", live;
    }
    /// Where packets come from.
    capture: Capture = "capture" {
        /// Interfaces to watch, each `NAME`, `afpacket:NAME`, `afxdp:NAME` or `dpdk:DEVICE` (a PCI address or a virtual device with its arguments). With none, and no `-i` or `-r`, the interface of the default route.
        interfaces: Vec<String> = Vec::new(), "capture.interfaces";
        /// A filter expression (as tcpdump's, see pcap-filter(7)); packets that it rejects are counted and otherwise left alone. One that a reload brings runs in Portreeve, not in the kernel, until the next start.
        filter: Option<String> = None, "capture.filter", live;
        /// Bytes captured of each packet, from the start of its link-layer header. Byte counts in records are of the wire, whatever this is.
        snaplen: u32 = 262_144, "capture.snaplen";
        /// Ask the interface for packets that are not addressed to it.
        promiscuous: bool = true, "capture.promiscuous";
        /// Watch packets that arrive, that leave, or both.
        direction: Direction = Direction::Inout, "capture.direction";
        /// Verify transport checksums. `auto`: for files, not for interfaces, since network cards fill checksums in after the packets were seen here.
        checksums: Checksums = Checksums::Auto, "capture.checksums";
    }
    /// Interfaces that the kernel's packet sockets capture: those named without a path, and `afpacket:NAME`.
    afpacket: AfPacket = "afpacket" {
        /// Memory of each worker's ring on each interface: where frames wait while the worker is busy. It is the kernel's, beside `engine.memory`. Empty: 64 MiB; where more than four workers share an interface less, 16 MiB at least.
        /// Rounded up to whole MiB, at most 2 GiB. What the kernel does not grant is halved until it does; the start report says what it came to.
        ring: Option<ByteSize<{ 2 << 20 }>> = None, "afpacket.ring";
    }
    /// Ports that DPDK drives (`dpdk:…` interfaces). [DPDK](dpdk.md) says how to set one up.
    dpdk: Dpdk = "dpdk" {
        /// Receive descriptors of each queue: what a ring holds while its worker is busy. `0`: as many as the port has, at most 4096, which is 275 microseconds of 64-byte packets at 10 Gbit/s.
        /// The rings of `net_memif`, `net_virtio_user` and `net_af_packet` are as long as their own arguments make them (`rsize`, `queue_size`, `framecnt`).
        descriptors: u32 = 0, "dpdk.descriptors";
        /// Packet buffers (of 2 KiB) of each queue, on huge pages. `0`: what the descriptors and the packets on their way through the workers take.
        buffers: u32 = 0, "dpdk.buffers";
        /// The MTU that ports are set to. `0`: 9000 where the driver can spread a frame over several buffers, else what the port has.
        mtu: u32 = 0, "dpdk.mtu";
        /// MiB of huge pages that DPDK takes at start. `0`: as many as it needs.
        preallocate: u32 = 0, "dpdk.preallocate";
        /// Whether virtual devices may do without huge pages where there are none.
        without_huge_pages: bool = true, "dpdk.without_huge_pages";
        /// Further arguments for DPDK's environment (EAL), as it documents them, such as `["--log-level=pmd:debug", "--vfio-intr=legacy"]`.
        eal_arguments: Vec<String> = Vec::new(), "dpdk.eal_arguments";
    }
    /// Interfaces named `afxdp:NAME`. [AF_XDP](afxdp.md) says when to use them.
    afxdp: AfXdp = "afxdp" {
        /// Where the XDP program runs. `native`: in the driver. `generic`: in the kernel's receive path, with every driver, slower. `auto`: in the driver if it can.
        mode: XdpMode = XdpMode::Auto, "afxdp.mode";
        /// Whether the NIC writes frames straight into Portreeve's memory. `auto`: if its driver can; else the kernel copies once.
        zero_copy: ZeroCopy = ZeroCopy::Auto, "afxdp.zero_copy";
        /// Descriptors of each queue's receive ring: frames that may wait. Rounded up to a power of two, from 64 to 65536.
        ring: u32 = 8192, "afxdp.ring";
        /// Frames of memory for each queue, 2 KiB each (4 KiB with an MTU above 1770): at least twice the ring. Rounded up to a power of two, at most 1048576.
        frames: u32 = 16_384, "afxdp.frames";
        /// Frames that one poll of ours makes the driver fetch, instead of interrupts (preferred busy polling), such as 64. `0`: interrupts.
        busy_poll: u32 = 0, "afxdp.busy_poll";
    }
    /// How the work is spread over the machine.
    engine: Engine = "engine" {
        /// Worker threads. `auto`: one for each isolated core, or else for each core that may be used less one for the rest of the program, at most 8; files of less than 256 MiB have one.
        workers: Workers = Workers::Auto, "engine.workers";
        /// Processors for the workers, in the order of the workers. Empty: chosen from those the process may use.
        cpus: Option<CpuList> = None, "engine.cpus";
        /// How workers wait for live packets. `interrupt`: they poll while there is load and sleep until the receive interrupt when there is none. `poll`: they never sleep. `adaptive`: they sleep by the clock, never longer than the ring takes packets in meanwhile. `auto`: `interrupt`, and `adaptive` for what has no receive interrupt, or one that does not work. [Cores and waiting](cores-and-waiting.md) says what each costs.
        mode: WaitMode = WaitMode::Auto, "engine.mode", live;
        /// How long a worker that found nothing goes on polling before it sleeps, at least.
        spin: Interval = Interval::microseconds(20), "engine.spin", live;
        /// How long at most: in `interrupt` mode, that time doubles after each sleep that ends within this, as long as there are so many packets that it pays, and shrinks again after longer ones. `0s`, or anything up to `spin`: it is always `spin`.
        spin_max: Interval = Interval::microseconds(2_000), "engine.spin_max", live;
        /// Whom the workers go before where they share a processor with others. `nice`: ordinary threads, mostly. `fifo`: everything that is not real-time itself, at once. Both take `CAP_SYS_NICE` at the start; `fifo` with `mode = "poll"` is refused while the kernel would stop it for a part of each second.
        scheduling: Scheduling = Scheduling::Normal, "engine.scheduling";
        /// Memory for flow tables and their pools, all workers together: decided at start and never exceeded; when it is full, flows are evicted and counted. Capture rings come on top, as the start report says. Empty: a quarter of the machine's memory, at most 1 GiB, less for small files.
        memory: Option<ByteSize<{ 1 << 20 }>> = None, "engine.memory";
    }
    /// What conversations are about: their application and its records. [Applications](applications.md) says which are known.
    app: App = "app" {
        /// Look into conversations. Without it only flows are kept: less work, and no application's records.
        enabled: bool = true, "app.enabled";
        /// The protocols to look for, by their names in `service`, such as `dns` or `ssl`. Empty: all.
        protocols: Vec<ProtocolName> = Vec::new(), "app.protocols";
        /// A table of products in the place of the one that comes with Portreeve: a domain and a name on each line. It decides what stands in `app` of a conn record.
        names: Option<PathBuf> = None, "app.names";
        /// Memory for it, all workers together, a part of `engine.memory`: for conversations while they are looked into, and for bytes that wait for others. Who finds no place is a flow like any other, and counted. Empty: an eighth.
        memory: Option<ByteSize> = None, "app.memory";
        /// Which copy of a byte counts where a sender sends it twice, differently, and out of order: the `first`, as most systems do, or the `last`.
        overlap: Overlap = Overlap::First, "app.overlap";
        /// Hashes of files, for the log `files`: such as `["md5", "sha1", "sha256"]`. All bytes of files are looked at for them. Empty: none, and files are passed over behind their first bytes.
        hash: Vec<FileHash> = Vec::new(), "app.hash";
    }
    /// What spans conversations: hosts and what runs on them, names and places of addresses. [Facts](facts.md) says what comes of it.
    facts: Facts = "facts" {
        /// Whose hosts `known_hosts` tells of, once a day each: those in `local_nets` (or, with none configured, private addresses), `remote` ones, `all`, or `none`.
        known_hosts: Hosts = Hosts::Local, "facts.known_hosts", live;
        /// Whose services `known_services` tells of.
        known_services: Hosts = Hosts::Local, "facts.known_services", live;
        /// Whose programs `software` tells of.
        software: Hosts = Hosts::Local, "facts.software", live;
        /// How long what these three told is not told again. `0s`: it is told each time.
        again: Interval = Interval::seconds(86_400), "facts.again", live;
        /// How long a certificate that was written to `x509` is not written again. `0s`: it is written each time it is seen.
        certificates_again: Interval = Interval::seconds(86_400), "facts.certificates_again", live;
        /// DHCP messages of one transaction that travel in several flows are one record.
        join_dhcp: bool = true, "facts.join_dhcp", live;
        /// Give `conn` records `orig_name` and `resp_name`: what was looked up in DNS, and what hosts call themselves in DHCP. Nothing is looked up for it.
        names: bool = false, "facts.names", live;
        /// Give `conn` records without a product (`app`) that of the name that their originator had looked up just before.
        products: bool = true, "facts.products", live;
        /// A database of countries, in MaxMind's DB format (`.mmdb`): it gives `conn` records `orig_cc` and `resp_cc`. Read again at a reload if the file is another one.
        country_database: Option<PathBuf> = None, "facts.country_database", live;
        /// A database of autonomous systems, in the same format: `orig_asn`, `resp_asn`, `orig_as_org`, `resp_as_org`.
        asn_database: Option<PathBuf> = None, "facts.asn_database", live;
        /// The most entries of each table, for each output. When one is full, what it learnt first is forgotten.
        entries: u32 = 131_072, "facts.entries";
    }
    /// History: records as Parquet files in a folder. [The store](store.md) says what is in it.
    store: Store = "store" {
        /// The folder. Empty: no history is kept.
        path: Option<PathBuf> = None, "store.path";
        /// How often records go from memory to disk, at least: what a crash of the process costs at most, and how long a record takes to be found.
        flush_every: Interval = Interval::seconds(1), "store.flush_every";
        /// How long records are collected at most until they become a Parquet file. Many make one as soon as they fill a row group.
        segment_every: Interval = Interval::seconds(300), "store.segment_every";
        /// Memory for everything that it does: records that are not on disk yet, making Parquet of them, sums for roll-ups, merging of files. At least 32MiB. Comes on top of `engine.memory`.
        memory: ByteSize<{ StoreConfig::LEAST_MEMORY }> = ByteSize(256 << 20), "store.memory";
        /// Records older than this are deleted, file by file. `0s`: never. What was read from an old capture counts from when it was stored.
        keep_for: Interval = Interval::seconds(30 * 86_400), "store.keep_for", live;
        /// Roll-ups older than this are deleted. `0s`: never.
        keep_rollups_for: Interval = Interval::seconds(0), "store.keep_rollups_for", live;
        /// The oldest files are deleted when all together are larger than this; roll-ups last. `0`: never.
        keep_size: ByteSize = ByteSize(0), "store.keep_size", live;
        /// Store `community_id` of a conn record: some 20 bytes of each, which can be worked out again.
        community_id: bool = true, "store.community_id";
        /// Keep sums by second, minute and hour: `rollup_1s` to `rollup_1h`, and of the busiest addresses `hosts_1m` and `hosts_1h`.
        rollups: bool = true, "store.rollups";
    }
    /// The dashboard in the browser, its API and metrics. [The dashboard](web.md) says how to set it up for others than this host.
    web: Web = "web" {
        /// Where it is served: an address and port, or a port of loopback alone. With another address than loopback there must be users. `off`: nowhere. What reads files serves it only where this is set.
        listen: Listen = Listen::At(portreeve_web::DEFAULT_LISTEN), "web.listen";
        /// Who may look: entries as `portreeve web password NAME` and `portreeve web token NAME` print them. With none here and in the file, everybody on this host.
        users: Vec<String> = Vec::new(), "web.users", live => user;
        /// A file of further users, an entry each line. It is read again at a reload.
        users_file: Option<PathBuf> = None, "web.users_file", live;
        /// A certificate and those that signed it, in PEM: it is served by TLS, and by nothing else. Read again at a reload.
        certificate: Option<PathBuf> = None, "web.certificate", live;
        /// The certificate's private key, in PEM.
        key: Option<PathBuf> = None, "web.key", live;
    }
    /// What the memory for flows and rings stands on. [Huge pages](huge-pages.md) says how to reserve them.
    memory: Memory = "memory" {
        /// Pages for flow tables and packet buffers. `auto`: the largest that the kernel's reserve has and that are not mostly empty, else transparent huge pages. `1G`, `2M`: the same from that size on, with a warning if they are missing. `transparent`: leave the reserve to others. `off`: pages of 4 KiB.
        huge_pages: HugePages = HugePages::Auto, "memory.huge_pages";
    }
    /// When a flow ends, and what makes two packets one flow.
    flow: Flow = "flow" {
        /// An established TCP connection ends after so long without a packet.
        tcp_idle: Interval = Interval::seconds(300), "flow.tcp_idle", live;
        /// A UDP conversation ends after so long without a packet.
        udp_idle: Interval = Interval::seconds(60), "flow.udp_idle", live;
        /// An ICMP conversation ends after so long without a packet.
        icmp_idle: Interval = Interval::seconds(60), "flow.icmp_idle", live;
        /// A flow that goes on writes a `conn_update` record this often. `0s`: never.
        active_timeout: Interval = Interval::seconds(60), "flow.active_timeout", live;
        /// The same addresses and ports in two VLANs are two flows.
        vlan_in_key: bool = true, "flow.vlan_in_key";
        /// The same addresses and ports in two tunnels are two flows.
        tunnel_in_key: bool = true, "flow.tunnel_in_key";
    }
    /// Where records go.
    output: Output = "output" {
        /// How records are written.
        format: Format = Format::ZeekJson, "output.format", live;
        /// How moments are written in Zeek's logs. EVE has a form of its own.
        time: Time = Time::Epoch, "output.time", live;
        /// Which logs are written, such as `conn` or `weird`. Empty: all.
        logs: Vec<String> = Vec::new(), "output.logs", live;
        /// Folder for log files, one file for each kind of record. Empty: records go to standard output. A reload can name another folder, or none any more; the first one takes a restart.
        log_dir: Option<PathBuf> = None, "output.log_dir", live;
        /// A log file is closed, renamed and begun anew this often. `0s`: never.
        rotate_every: Interval = Interval::seconds(3600), "output.rotate_every", live;
        /// A log file is closed, renamed and begun anew when it is this large. `0`: never.
        rotate_size: ByteSize = ByteSize(0), "output.rotate_size", live;
        /// Compression of rotated log files.
        compress: Compression = Compression::None, "output.compress", live;
        /// Rotated log files older than this are deleted. `0s`: never.
        keep_for: Interval = Interval::seconds(0), "output.keep_for", live;
        /// The oldest rotated log files are deleted when all together are larger than this. `0`: never.
        keep_size: ByteSize = ByteSize(0), "output.keep_size", live;
    }
    /// When somebody should know: thresholds on what the run itself does. [The service](service.md#alerts) says who is told, and how.
    alerts: Alerts = "alerts" {
        /// Share of the packets of the last ten seconds that were lost: by the NIC, by the kernel, between workers. Empty: not watched.
        loss: Option<Percent> = Some(Percent(0.1)), "alerts.loss", live;
        /// A watched interface without a carrier, or gone.
        link_down: bool = true, "alerts.link_down", live;
        /// Less than this is left on a disk that history or logs are written to. `0`: not watched.
        disk_free: ByteSize = ByteSize(1 << 30), "alerts.disk_free", live;
        /// An output that cannot write, or lost records.
        outputs: bool = true, "alerts.outputs", live;
        /// Share of the flow tables that is taken. Empty: not watched.
        flow_table: Option<Percent> = Some(Percent(95.0)), "alerts.flow_table", live;
        /// More traffic than this over ten seconds. Empty: not watched.
        rate_above: Option<BitRate> = None, "alerts.rate_above", live;
        /// Less traffic than this over ten seconds: a mirror port that went silent. Empty: not watched.
        rate_below: Option<BitRate> = None, "alerts.rate_below", live;
        /// More packets than this over ten seconds. Empty: not watched.
        packet_rate_above: Option<PacketRate> = None, "alerts.packet_rate_above", live;
        /// Fewer packets than this over ten seconds. Empty: not watched.
        packet_rate_below: Option<PacketRate> = None, "alerts.packet_rate_below", live;
        /// The same four for each watched interface by itself: of two mirror ports one that went silent does not show in their sum. More traffic than this.
        interface_rate_above: Option<BitRate> = None, "alerts.interface_rate_above", live;
        /// Less traffic than this from one interface.
        interface_rate_below: Option<BitRate> = None, "alerts.interface_rate_below", live;
        /// More packets than this from one interface.
        interface_packet_rate_above: Option<PacketRate> = None, "alerts.interface_packet_rate_above", live;
        /// Fewer packets than this from one interface.
        interface_packet_rate_below: Option<PacketRate> = None, "alerts.interface_packet_rate_below", live;
        /// A worker that does not go on.
        worker_stuck: bool = true, "alerts.worker_stuck", live;
        /// How long a condition holds before it is an alert.
        raise_after: Interval = Interval::seconds(3), "alerts.raise_after", live;
        /// How long it does not hold before the alert is over: what flickers is one alert.
        clear_after: Interval = Interval::seconds(30), "alerts.clear_after", live;
        /// Where alerts are sent, one JSON object in a POST for each, such as `https://host/path`. Empty: nowhere.
        webhook: Option<String> = None, "alerts.webhook", live => url;
        /// Headers of these requests, such as `["Authorization: Bearer TOKEN"]`.
        webhook_headers: Vec<String> = Vec::new(), "alerts.webhook_headers", live => header;
    }
    /// The process itself.
    process: Process = "process" {
        /// User to become once the sources are open (when started as root). Empty: stay who we are, without the privileges.
        user: Option<String> = None, "process.user";
        /// Path of the control socket. Empty: `/run/portreeve/NAME.sock` as root, `$XDG_RUNTIME_DIR/portreeve/NAME.sock` else, where NAME is the interface; none for files.
        control_socket: Option<PathBuf> = None, "process.control_socket";
    }
}

/// Every key of every section.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

/// The key of that full name.
#[must_use]
pub fn key(name: &str) -> Option<&'static Key> {
    keys().find(|key| key.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_stands_in_its_section_and_its_default_is_valid() {
        for section in SECTIONS {
            for key in section.keys {
                let table = key.name.rsplit_once('.').map_or("", |(table, _)| table);
                assert_eq!(table, section.name, "{}", key.name);
                assert!(!key.doc.is_empty(), "{} has no documentation", key.name);
            }
        }
        let mut layers = Layers::default();
        for key in keys() {
            layers.put(key.name, (key.default)(), super::super::Origin::Set);
        }
        let spelt = Config::from_layers(&layers);
        assert_eq!(spelt, Config::from_layers(&Layers::default()));
    }
}
