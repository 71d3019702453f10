//! The command line, defined once: help, man page and completions come from here.

pub mod doctor;
pub mod nic;
pub mod query;
pub mod service;
pub mod store;
pub mod web;

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand};

use crate::config::values::{
    ByteSize, CpuList, Direction, Format, Scheduling, WaitMode, Workers, parse_net,
};
use crate::interface::InterfaceName;

const EXAMPLES: &str = "\
Examples:
  portreeve                             watch the interface of the default route
  portreeve -i eth0                     watch eth0: who talks, and was anything lost
  portreeve -i eth0 tcp port 443        only what the filter lets through
  portreeve -r trace.pcap               what is in a capture file
  portreeve -r trace.pcap --json | jq   its flows as JSON lines
  portreeve -i eth0 --log-dir logs      Zeek-compatible logs, rotated every hour
  portreeve --check                     is my configuration right?
  portreeve doctor                      what on this host costs packets?
  portreeve run --config FILE           as a service: history, alerts, no screen
";

const AFTER: &str = "\
On a terminal Portreeve shows live top talkers and a line that says what was
lost; q leaves, ? helps. In a pipe, or with --json or --tsv, it writes records.
At the end it prints the ledger: where every packet went.

Exit codes: 0 ran; 1 failed; 2 wrong usage or configuration; 3 lost something,
with --fail-on-loss. Signals: INT and TERM end the run in order (a second one at
once); HUP reads the configuration again and reopens log files; USR1 prints
statistics on standard error.

Names are never looked up and nothing is sent anywhere, but for alerts to a
webhook of yours.
Manual: portreeve man | man -l -
";

const TEMPLATE: &str = "\
{before-help}{about-with-newline}
{usage-heading} {usage}

{all-args}{after-help}";

/// Watches a network: every packet of an interface or a capture file becomes part of a flow, and what was missed is counted.
#[derive(Debug, Default, Parser)]
#[command(
    name = "portreeve",
    version,
    about = "Watches a network: who talks to whom, how well, and what was missed",
    before_help = EXAMPLES,
    after_help = AFTER,
    help_template = TEMPLATE,
    args_conflicts_with_subcommands = true,
    override_usage = "portreeve [-i IFACE | -r FILE] [OPTIONS] [EXPRESSION]\n       portreeve COMMAND",
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Args {
    /// Another task than watching.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Input.
    #[command(flatten)]
    pub input: Input,

    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,

    /// The run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What to watch.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Input")]
pub struct Input {
    /// Watch this interface; repeat it for several
    ///
    /// NAME takes the best capture path that leaves the interface to the host; afpacket:NAME and afxdp:NAME take that one path, dpdk:DEVICE a port that DPDK drives: a PCI address (dpdk:0000:3b:00.0) or a virtual device with its arguments (dpdk:net_memif0,role=client).
    #[arg(short, long = "interface", value_name = "IFACE")]
    pub interfaces: Vec<InterfaceName>,

    /// Read this capture file (pcap or pcapng, also compressed; - is standard input); repeat it for several
    ///
    /// Further files may follow the first (-r *.pcap); a quoted pattern is expanded by Portreeve. Packets of several files are taken in the order of their times.
    #[arg(
        short,
        long = "read",
        value_name = "FILE",
        conflicts_with = "interfaces"
    )]
    pub read: Vec<String>,

    /// Filter expression, as tcpdump's (pcap-filter(7))
    #[arg(value_name = "EXPRESSION")]
    pub expression: Vec<String>,

    /// The filter expression as one argument
    #[arg(short, long, value_name = "EXPR", conflicts_with = "filter_file")]
    pub filter: Option<String>,

    /// Read the filter expression from a file
    #[arg(short = 'F', long, value_name = "FILE")]
    pub filter_file: Option<PathBuf>,

    /// List the interfaces and leave
    #[arg(short = 'D', long)]
    pub list_interfaces: bool,

    /// Capture at most so many bytes of each packet (0: the default, 262144)
    #[arg(short, long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(0..=262_144))]
    pub snaplen: Option<u32>,

    /// Memory of the kernel's ring for each worker, in KiB as with tcpdump (the default: 65536)
    #[arg(short = 'B', long, value_name = "KIB", value_parser = clap::value_parser!(u32).range(2048..=2_097_152))]
    pub buffer_size: Option<u32>,

    /// Stop after so many packets
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,

    /// Do not ask the interface for packets that are not addressed to it
    #[arg(short = 'p', long)]
    pub no_promiscuous: bool,

    /// Watch packets that arrive, that leave, or both
    #[arg(short = 'Q', long, value_name = "DIRECTION", value_enum)]
    pub direction: Option<Direction>,

    /// Take an interface from the host even if it carries an address or the default route (DPDK, AF_XDP)
    #[arg(long)]
    pub take_over: bool,

    /// Do not look names up (Portreeve never does; accepted for habit's sake)
    #[arg(short = 'n', action = ArgAction::Count)]
    pub numeric: u8,

    /// Verify transport checksums (the default for files)
    #[arg(long, overrides_with = "no_checksums")]
    pub checksums: bool,

    /// Do not verify transport checksums (the default for interfaces)
    #[arg(long, overrides_with = "checksums")]
    pub no_checksums: bool,
}

/// Where records go.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Write records as JSON lines, each with its log's name in _path; the same as --format zeek-json
    #[arg(long, conflicts_with_all = ["tsv", "format"])]
    pub json: bool,

    /// Write records as Zeek's tab-separated logs; the same as --format zeek-tsv
    #[arg(long, conflicts_with = "format")]
    pub tsv: bool,

    /// How records are written
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<Format>,

    /// Write logs into this folder instead of to standard output
    #[arg(long, value_name = "DIR")]
    pub log_dir: Option<PathBuf>,

    /// Write the packets that passed the filter into a capture file
    ///
    /// The ending says the format (.pcapng, else pcap) and the compression (.gz, .zst, .lz4). - is standard output. Records are written too if --json, --tsv, --format or --log-dir asks for them.
    #[arg(short, long = "write", value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// Begin the next -w file when one has this size (a bare number: millions of bytes)
    #[arg(short = 'C', long, value_name = "SIZE", requires = "write", value_parser = parse_rotate_size)]
    pub rotate_size: Option<ByteSize>,

    /// Begin the next -w file after so many seconds; FILE may hold strftime(3) conversions (%Y%m%d-%H%M)
    #[arg(short = 'G', long, value_name = "SECONDS", requires = "write", value_parser = clap::value_parser!(u64).range(1..))]
    pub rotate_seconds: Option<u64>,

    /// Keep so many -w files: with -C begin again at the first, with -G stop
    #[arg(short = 'W', long, value_name = "COUNT", requires = "write", value_parser = clap::value_parser!(u32).range(1..))]
    pub rotate_count: Option<u32>,

    /// Say more: the configuration in force, what each worker did
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,

    /// Say nothing but errors and records
    #[arg(short, long)]
    pub quiet: bool,
}

/// How the run goes.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Run")]
pub struct RunArgs {
    /// Worker threads: a number, or auto
    #[arg(long, value_name = "N")]
    pub workers: Option<Workers>,

    /// Processors for the workers, such as 2,3 or 0-3,8
    #[arg(long, value_name = "LIST")]
    pub cpus: Option<CpuList>,

    /// How workers wait for packets: by the receive interrupt, by polling without end, or by the clock
    #[arg(long, value_name = "MODE", value_enum)]
    pub mode: Option<WaitMode>,

    /// Whom the workers go before where they share a processor
    #[arg(long, value_name = "POLICY", value_enum)]
    pub scheduling: Option<Scheduling>,

    /// Memory for flows, pools and rings, such as 2GiB: decided at start, never exceeded
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<ByteSize>,

    /// Networks that are ours, for local_orig and local_resp
    #[arg(long, value_name = "NETS", value_delimiter = ',', value_parser = parse_net)]
    pub local_nets: Vec<ipnet::IpNet>,

    /// Name of this sensor in the records
    #[arg(long, value_name = "NAME")]
    pub sensor: Option<String>,

    /// Become this user once the sources are open
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,

    /// Exit with 3 if any packet, flow or record was lost
    #[arg(long)]
    pub fail_on_loss: bool,

    /// Read this configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Set one configuration key; repeat it for several
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// Check the configuration, print what is in force and leave
    #[arg(long)]
    pub check: bool,
}

/// The command by which this program answers a query in a process of its own: nobody types it.
pub const QUERY_APART: &str = "query-apart";

/// Tasks beside watching.
#[derive(Debug, Subcommand)]
#[command(subcommand_help_heading = "Commands")]
pub enum Command {
    /// Watch as a service: by the configuration, with history, without a screen
    Run(service::ServiceArgs),
    /// Look at this host and write a commented configuration that fits it
    Init(crate::init::InitArgs),
    /// Show the live screen of a running instance; where none runs, watch from here
    Top {
        /// The instance: an interface's name or a socket's path (default: the only one)
        instance: Option<String>,
        /// Watch this interface from here, whatever runs
        #[arg(short, long, value_name = "IFACE", conflicts_with = "instance")]
        interface: Option<InterfaceName>,
    },
    /// Print the ledger of a running instance
    Stats {
        /// The instance: an interface's name or a socket's path (default: the only one)
        instance: Option<String>,
        /// Print everything, as JSON
        #[arg(long)]
        json: bool,
    },
    /// Change how a running instance waits for packets
    Mode {
        /// The mode; a reload (SIGHUP) goes back to the configured one
        mode: WaitMode,
        /// The instance: an interface's name or a socket's path (default: the only one)
        instance: Option<String>,
    },
    /// Ask the history that a store holds, in SQL or by a filter
    Query(query::QueryArgs),
    /// Answer one query that another process of this program hands over
    #[command(name = QUERY_APART, hide = true)]
    QueryApart,
    /// Look after the history that a store holds: is every byte as it was written?
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Find what on this host costs packets; --fix changes it, --undo restores
    Doctor(doctor::DoctorArgs),
    /// List NICs, hand them to DPDK and back, reserve huge pages
    #[command(subcommand)]
    Nic(nic::NicCommand),
    /// Serve the dashboard of a store without watching anything; make passwords and tokens
    Web(web::WebArgs),
    /// Print the shell's completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the reference of the configuration, in Markdown
    Reference,
    /// Print the manual page (portreeve man | man -l -)
    Man,
}

/// tcpdump's `-C`: a bare number counts millions of bytes.
fn parse_rotate_size(text: &str) -> Result<ByteSize, String> {
    let size = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("{text}MB").parse::<ByteSize>()?
    } else {
        text.parse()?
    };
    // Less than one packet's room would make a file for every packet.
    if size.0 < 65_536 {
        return Err("a file of less than 64KiB would be rotated without end".into());
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn tcpdump_habits_work() {
        let args =
            parse("portreeve -ni eth0 -c 10 -s0 -B 4096 -Q in -pv tcp port 80 or host 10.0.0.1")
                .unwrap();
        assert_eq!(args.input.interfaces[0].to_string(), "eth0");
        assert_eq!(
            args.input.expression.join(" "),
            "tcp port 80 or host 10.0.0.1"
        );
        assert_eq!((args.input.count, args.input.snaplen), (Some(10), Some(0)));
        assert!(args.input.no_promiscuous && args.output.verbose == 1);
        assert_eq!(args.input.buffer_size, Some(4096));
        let args = parse("portreeve -r a.pcap -w b.pcap -C 10 -W 3 -nn host 10.0.0.1").unwrap();
        assert_eq!(args.output.rotate_size, Some(ByteSize(10_000_000)));
        assert_eq!(args.input.expression.len(), 2);
    }

    #[test]
    fn contradictions_are_refused() {
        for line in [
            "portreeve -i eth0 -r a.pcap",
            "portreeve -f tcp -F file",
            "portreeve --json --tsv",
            "portreeve --json --format eve",
            "portreeve -C 10",
            "portreeve -w x -C 0",
            "portreeve -c 0",
            "portreeve -q -v",
            "portreeve -s 300000",
            "portreeve --workers 0",
            "portreeve --cpus 3-1",
            "portreeve --memory lots",
            "portreeve --local-nets 10.0.0.0/40",
            "portreeve -i afpacket:",
            "portreeve -Q sideways",
            "portreeve --no-such-flag",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_later_of_two_opposites_wins() {
        let args = parse("portreeve --checksums --no-checksums").unwrap();
        assert!(args.input.no_checksums && !args.input.checksums);
    }

    #[test]
    fn examples_come_first_in_the_help() {
        let help = Args::command().render_help().to_string();
        assert!(help.starts_with("Examples:"), "{help}");
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}
