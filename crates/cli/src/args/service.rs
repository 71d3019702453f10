//! `portreeve run`: watching as a service.

use std::path::PathBuf;

use clap::ArgAction;

use super::{Args, Input, OutputArgs, RunArgs};

/// Arguments of `portreeve run`.
#[derive(Debug, clap::Args)]
pub struct ServiceArgs {
    /// Read this configuration file (default: /etc/portreeve/portreeve.toml, if it is there)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Set one configuration key; repeat it for several
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// Take an interface from the host even if it carries an address or the default route (DPDK, AF_XDP)
    #[arg(long)]
    pub take_over: bool,

    /// Say more: the configuration in force, what each worker did
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,

    /// Say nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

impl ServiceArgs {
    /// The arguments of a run that does the same.
    #[must_use]
    pub fn as_run(&self) -> Args {
        Args {
            input: Input {
                take_over: self.take_over,
                ..Input::default()
            },
            output: OutputArgs {
                verbose: self.verbose,
                quiet: self.quiet,
                ..OutputArgs::default()
            },
            run: RunArgs {
                config: self.config.clone(),
                set: self.set.clone(),
                ..RunArgs::default()
            },
            ..Args::default()
        }
    }
}
