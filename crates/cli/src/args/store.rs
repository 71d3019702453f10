//! Arguments of `portreeve store`.

use std::path::PathBuf;

use clap::Subcommand;

/// What to do with a store.
#[derive(Debug, Subcommand)]
#[command(subcommand_help_heading = "Commands")]
pub enum StoreCommand {
    /// Look at every byte of every Parquet file: is all as it was written? Exit code 1: something is not
    Check(CheckArgs),
}

/// Which store, and how to tell.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// The store's folder (default: store.path of the configuration)
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,

    /// Read this configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Print what was found, as JSON
    #[arg(long)]
    pub json: bool,
}
