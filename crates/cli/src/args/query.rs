//! Arguments of `portreeve query`.

use std::path::PathBuf;

use crate::config::values::{AnswerFormat, Interval};

const EXAMPLES: &str = "\
Examples:
  portreeve query \"SELECT id.resp_h, sum(resp_ip_bytes) AS bytes FROM conn GROUP BY 1 ORDER BY 2 DESC LIMIT 10\"
  portreeve query --find 'port:443 bytes>10MB -net:10.0.0.0/8'
  portreeve query --find 'rcode_name:NXDOMAIN' --in dns
  portreeve query --tables                  which tables there are
  portreeve query --tables conn             what is in one
  portreeve query --shell                   ask one thing after another
  portreeve query -f report.sql --format csv -o report.csv
";

/// What to ask the store.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct QueryArgs {
    /// The query; - reads it from standard input
    #[arg(value_name = "SQL", conflicts_with_all = ["file", "find", "tables", "shell"])]
    pub sql: Option<String>,

    /// Read the query from a file
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["find", "tables", "shell"])]
    pub file: Option<PathBuf>,

    /// Show the latest rows that a filter lets through, in the dashboard's language
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true, conflicts_with_all = ["tables", "shell"])]
    pub find: Option<String>,

    /// The table that --find looks in
    #[arg(
        long = "in",
        value_name = "TABLE",
        requires = "find",
        default_value = "conn"
    )]
    pub table: String,

    /// At most so many rows of --find
    #[arg(long, value_name = "COUNT", requires = "find", default_value_t = 100)]
    pub limit: usize,

    /// List the tables, or the columns of one
    #[arg(long, value_name = "TABLE", num_args = 0..=1, default_missing_value = "", conflicts_with = "shell")]
    pub tables: Option<String>,

    /// Ask one thing after another
    #[arg(long)]
    pub shell: bool,

    /// How the answer is written; a table on a terminal, JSON lines else
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<AnswerFormat>,

    /// Write the answer into this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Give up after so long, such as 30s
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Interval>,

    /// Memory for sorting, joining and grouping: what exceeds it goes to disk
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    pub memory: crate::config::values::ByteSize,

    /// The store's folder (default: store.path of the configuration)
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,

    /// Read this configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
