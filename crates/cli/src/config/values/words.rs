//! Values that are one of a few words.

use super::Setting;

/// An enum whose values are words, the same in the file and on the command line.
macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $variant_doc:literal])* $variant:ident => $word:literal,)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
        pub enum $name {
            $($(#[doc = $variant_doc])* #[value(name = $word)] $variant,)*
        }

        impl Setting for $name {
            fn kind() -> String {
        concat!("one of", $(" `\"", $word, "\"`",)*).into()
    }

            fn from_toml(value: &toml::Value) -> Result<Self, String> {
                match value.as_str() {
                    $(Some($word) => Ok($name::$variant),)*
                    _ => Err(format!(concat!("expected one of", $(" \"", $word, "\"",)* ", found {}"), value)),
                }
            }

            fn to_toml(&self) -> toml::Value {
                toml::Value::String(match self { $($name::$variant => $word,)* }.into())
            }
        }
    };
}

words! {
    /// A hash of files.
    FileHash {
        /// MD5
        Md5 => "md5",
        /// SHA-1
        Sha1 => "sha1",
        /// SHA-256
        Sha256 => "sha256",
    }
}

words! {
    /// Which packets of an interface are watched.
    Direction {
        /// Packets that arrive at the interface
        In => "in",
        /// Packets that leave by it
        Out => "out",
        /// Both
        Inout => "inout",
    }
}

words! {
    /// How records are written.
    Format {
        /// Zeek's logs as JSON lines
        ZeekJson => "zeek-json",
        /// Zeek's logs as tab-separated values with their header lines
        ZeekTsv => "zeek-tsv",
        /// EVE JSON, as Suricata writes it
        Eve => "eve",
    }
}

words! {
    /// Which copy of a byte counts.
    Overlap {
        /// The first, as most systems do
        First => "first",
        /// The last
        Last => "last",
    }
}

words! {
    /// Whose hosts a log tells of.
    Hosts {
        /// Those in the local networks
        Local => "local",
        /// All others
        Remote => "remote",
        /// Everybody's
        All => "all",
        /// Nobody's
        None => "none",
    }
}

words! {
    /// Which pages memory stands on.
    HugePages {
        /// The largest there are
        Auto => "auto",
        /// Pages of 1 GiB, then the next smaller
        Gigabyte => "1G",
        /// Pages of 2 MiB, then transparent ones
        TwoMegabytes => "2M",
        /// Transparent huge pages, which the kernel makes where it can
        Transparent => "transparent",
        /// Pages of 4 KiB
        Off => "off",
    }
}

words! {
    /// Where the program of AF_XDP runs.
    XdpMode {
        /// In the driver if it can
        Auto => "auto",
        /// In the driver or not at all
        Native => "native",
        /// In the kernel's generic receive path
        Generic => "generic",
    }
}

words! {
    /// Whether the NIC writes frames into our memory.
    ZeroCopy {
        /// If its driver can
        Auto => "auto",
        /// Or not at all
        On => "on",
        /// The kernel copies
        Off => "off",
    }
}

words! {
    /// How workers wait for live packets.
    WaitMode {
        /// Interrupt mode, and adaptive for what has no receive interrupt
        Auto => "auto",
        /// Never sleep: the least delay, a processor at 100 %
        Poll => "poll",
        /// Sleep until the receive interrupt when there is nothing to do
        Interrupt => "interrupt",
        /// Sleep by the clock when there is nothing to do
        Adaptive => "adaptive",
    }
}

words! {
    /// How an answer to a query is written.
    AnswerFormat {
        /// Columns side by side
        Table => "table",
        /// Comma-separated values, with a line of names
        Csv => "csv",
        /// A JSON object a line
        Json => "json",
        /// A Parquet file
        Parquet => "parquet",
    }
}

words! {
    /// Whom the workers go before, where they share a processor.
    Scheduling {
        /// Nobody
        Normal => "normal",
        /// Ordinary threads, by a nice value of -10
        Nice => "nice",
        /// Everything that is not real-time itself (SCHED_FIFO)
        Fifo => "fifo",
    }
}

words! {
    /// Whether transport checksums are verified.
    Checksums {
        /// For files, not for interfaces, whose offloads leave them wrong
        Auto => "auto",
        /// Always
        On => "on",
        /// Never
        Off => "off",
    }
}

words! {
    /// How moments are written in Zeek's logs.
    Time {
        /// Seconds since 1970 with six decimals, as Zeek does
        Epoch => "epoch",
        /// The same with nine decimals
        EpochNs => "epoch-ns",
        /// Date and time in UTC (ISO 8601), six decimals
        Iso8601 => "iso8601",
        /// The same with nine decimals
        Iso8601Ns => "iso8601-ns",
    }
}

words! {
    /// How rotated log files are compressed.
    Compression {
        /// Not
        None => "none",
        /// By gzip
        Gzip => "gzip",
        /// By zstd
        Zstd => "zstd",
    }
}
