//! `portreeve web`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::values::Listen;

/// What to serve, or to make for it.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct WebArgs {
    /// Make a password or a token instead
    #[command(subcommand)]
    pub task: Option<WebTask>,

    /// The store (default: store.path of the configuration)
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,

    /// Listen on this port of loopback, or on ADDRESS:PORT (default: web.listen of the configuration)
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<Listen>,

    /// Read this configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Set one configuration key; repeat it for several
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// What users have.
#[derive(Debug, Subcommand)]
#[command(subcommand_help_heading = "Commands")]
pub enum WebTask {
    /// Ask for a password and print the line that web.users has for it
    Password {
        /// The user's name
        name: String,
    },
    /// Make a token for a program, and the line that web.users has for it
    Token {
        /// The program's name
        name: String,
    },
}
