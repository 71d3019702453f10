//! `portreeve doctor`.

use clap::Args;

/// What to look at, and what to do about it.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 nothing costs packets; 1 it could not look or not change everything;
2 wrong usage; 3 something costs packets or blocks.")]
pub struct DoctorArgs {
    /// Interfaces or PCI addresses (default: every NIC that is up or bound for DPDK)
    #[arg(value_name = "IFACE")]
    pub interfaces: Vec<String>,
    /// Change what costs packets, until the next boot; how it was is remembered (root)
    ///
    /// Notes are left alone, and so is what takes a person: kernel command line, firmware, another slot.
    #[arg(long, conflicts_with = "undo")]
    pub fix: bool,
    /// Restore what --fix changed (root)
    #[arg(long, conflicts_with_all = ["interfaces", "only", "verbose"])]
    pub undo: bool,
    /// With --fix or --undo: say what would be done and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --fix: also what takes the link of an interface in use down for a moment
    #[arg(long, requires = "fix")]
    pub take_over: bool,
    /// Only these checks, by the names in brackets
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Show also what is as it should be
    #[arg(short, long)]
    pub verbose: bool,
    /// Print everything, as JSON
    #[arg(long)]
    pub json: bool,
}
