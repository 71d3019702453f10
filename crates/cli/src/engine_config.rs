//! The engine's configuration, made of ours.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use nix::sys::sysinfo;
use portreeve_app::stream::Overlap;
use portreeve_app::{Applications, Hashes, Products};
use portreeve_engine::{AppConfig, EngineConfig, LiveSettings, Mode, Waiting};
use portreeve_flow::{Prefix, Timeouts, TrackerConfig};
use portreeve_pages::Preference;

use crate::args::Args;
use crate::config::Config;
use crate::config::values::{self, Checksums, HugePages, Interval, Scheduling, WaitMode};
use crate::exit::Failure;
use crate::input::Opened;

/// What `auto` takes at most, in bytes.
const MOST_MEMORY: u64 = 1 << 30;
/// What a small file gets, in bytes: enough for a hundred thousand flows and more.
const LEAST_MEMORY: u64 = 64 << 20;
/// A byte of a file needs no more memory than this: the smallest packet's record is larger than 50 bytes, a flow at most 256;
/// a compressed file may hold ten times its size.
const MEMORY_FOR_A_BYTE: u64 = 16;

/// How far behind others a file's packet may come, in nanoseconds: captures of several queues are merged late, mostly by less.
const LATENESS: i64 = 10_000_000_000;

/// The engine's configuration for these sources.
///
/// # Errors
/// What is wrong with a file that the configuration names.
pub fn engine_config(
    args: &Args,
    config: &Config,
    opened: &Opened,
    talkers: bool,
) -> Result<EngineConfig, Failure> {
    let mut tracker = tracker_config(config, opened);
    let applications = app_config(config, tracker.memory)?;
    if let Some(applications) = &applications {
        // One budget: what looks into conversations has its part of it.
        tracker.memory = tracker.memory.saturating_sub(applications.memory);
    }
    let mut made = EngineConfig::new(tracker);
    made.applications = applications;
    made.decode.verify_checksums = match config.capture.checksums {
        Checksums::On => true,
        Checksums::Off => false,
        Checksums::Auto => !opened.live,
    };
    made.decode.key.vlan = config.flow.vlan_in_key;
    made.decode.key.tunnel = config.flow.tunnel_in_key;
    if let Some(cpus) = &config.engine.cpus {
        made.cpus = cpus.0.iter().map(|cpu| usize::from(*cpu)).collect();
    }
    made.waiting = waiting(config);
    made.snap_len = config.capture.snaplen;
    made.count = args.input.count;
    made.talkers = talkers;
    made.ours = live_settings(config).ours;
    Ok(made)
}

/// What part of the memory looking into conversations has, unless it is said.
const APP_SHARE: usize = 8;

fn app_config(config: &Config, memory: usize) -> Result<Option<AppConfig>, Failure> {
    if !config.app.enabled {
        return Ok(None);
    }
    // Names were checked when they were read.
    let names = config.app.protocols.iter().map(|name| name.0.as_str());
    let protocols = if config.app.protocols.is_empty() {
        Applications::default()
    } else {
        Applications::only(names).unwrap_or_default()
    };
    let given = config
        .app
        .memory
        .map(|given| usize::try_from(given.0).unwrap_or(usize::MAX));
    Ok(Some(AppConfig {
        memory: given.unwrap_or(memory / APP_SHARE),
        overlap: match config.app.overlap {
            values::Overlap::First => Overlap::First,
            values::Overlap::Last => Overlap::Last,
        },
        protocols,
        hashes: Hashes {
            md5: config.app.hash.contains(&values::FileHash::Md5),
            sha1: config.app.hash.contains(&values::FileHash::Sha1),
            sha256: config.app.hash.contains(&values::FileHash::Sha256),
        },
        products: Arc::new(products(config)?),
    }))
}

/// The table that names products: the user's, or ours.
///
/// # Errors
/// What is wrong with the user's.
pub fn products(config: &Config) -> Result<Products, Failure> {
    let Some(path) = &config.app.names else {
        return Ok(Products::default());
    };
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::failed(format!("app.names: {}: {error}", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    Products::read(&text).map_err(|error| wrong(&error))
}

fn tracker_config(config: &Config, opened: &Opened) -> TrackerConfig {
    let mut made = TrackerConfig::default();
    let given = config.engine.memory.map(|memory| memory.0);
    let memory = given.unwrap_or_else(|| default_memory(opened));
    made.memory = usize::try_from(memory).unwrap_or(usize::MAX);
    // Named memory is taken at start, so that no packet waits for a page; what was only presumed is not.
    made.huge_pages = preference(config.memory.huge_pages);
    made.prefault = opened.live && given.is_some();
    // Live nobody may foresee which flows share a bucket; a file gives the same every time.
    made.hash_seed = if opened.live {
        RandomState::new().hash_one(0)
    } else {
        0
    };
    made.lateness = if opened.live { 0 } else { LATENESS };
    let live = live_settings(config);
    made.timeouts = live.timeouts;
    made.local_nets = live.local_nets;
    made
}

/// Which huge pages the allocator tries.
#[must_use]
pub fn preference(pages: HugePages) -> Preference {
    match pages {
        HugePages::Auto => Preference::Auto,
        HugePages::Gigabyte => Preference::Gigabyte,
        HugePages::TwoMegabytes => Preference::TwoMegabytes,
        HugePages::Transparent => Preference::Transparent,
        HugePages::Off => Preference::Off,
    }
}

/// What a reload can change: the keys marked live, but for the filter, which is that of the sources as they were opened.
#[must_use]
pub fn live_settings(config: &Config) -> LiveSettings {
    let nanoseconds = |interval: Interval| i64::try_from(interval.0.as_nanos()).unwrap_or(i64::MAX);
    let mut timeouts = Timeouts::default();
    timeouts.tcp_idle = nanoseconds(config.flow.tcp_idle);
    timeouts.udp_idle = nanoseconds(config.flow.udp_idle);
    timeouts.icmp_idle = nanoseconds(config.flow.icmp_idle);
    timeouts.active = nanoseconds(config.flow.active_timeout);
    let prefix = |net: &ipnet::IpNet| Prefix {
        addr: net.addr(),
        len: net.prefix_len(),
    };
    let local_nets: Vec<Prefix> = config.general.local_nets.iter().map(prefix).collect();
    LiveSettings {
        timeouts,
        ours: if local_nets.is_empty() {
            presumably_ours()
        } else {
            local_nets.clone()
        },
        local_nets,
        waiting: waiting(config),
        filter: None,
    }
}

/// Networks that nobody routes, as in Zeek: RFC 1918, the shared range of RFC 6598, loopback, link-local and unique local ones.
const PRIVATE: [(IpAddr, u8); 10] = [
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(100, 64, 0, 0)), 10),
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 32),
];

/// What directions are by where no local networks are configured: private ones, and the addresses that this machine has.
fn presumably_ours() -> Vec<Prefix> {
    let own = portreeve_interfaces::list().unwrap_or_default();
    let own = own.iter().flat_map(|interface| &interface.addresses);
    let own = own.map(|address| Prefix {
        addr: address.ip,
        len: if address.ip.is_ipv4() { 32 } else { 128 },
    });
    let private = PRIVATE.map(|(addr, len)| Prefix { addr, len });
    let mut ours = private.to_vec();
    for own in own {
        if !ours.iter().any(|net| net.contains(own.addr)) {
            ours.push(own);
        }
    }
    ours
}

fn waiting(config: &Config) -> Waiting {
    Waiting {
        mode: mode(config.engine.mode),
        spin: config.engine.spin.0,
        spin_max: config.engine.spin_max.0,
    }
}

/// Whom the workers go before.
#[must_use]
pub fn scheduling(config: &Config) -> portreeve_engine::Scheduling {
    match config.engine.scheduling {
        Scheduling::Normal => portreeve_engine::Scheduling::Normal,
        Scheduling::Nice => portreeve_engine::Scheduling::Nice,
        Scheduling::Fifo => portreeve_engine::Scheduling::Fifo,
    }
}

/// The engine's word for the mode. What has no receive interrupt is adaptive by itself, so `auto` is `interrupt`.
#[must_use]
pub fn mode(mode: WaitMode) -> Mode {
    match mode {
        WaitMode::Auto | WaitMode::Interrupt => Mode::Interrupt,
        WaitMode::Poll => Mode::Poll,
        WaitMode::Adaptive => Mode::Adaptive,
    }
}

fn default_memory(opened: &Opened) -> u64 {
    let machine = sysinfo::sysinfo().map_or(MOST_MEMORY, |info| info.ram_total());
    let most = (machine / 4).min(MOST_MEMORY);
    let size: Option<u64> = opened.infos.iter().map(|info| info.total_bytes).sum();
    match size {
        Some(size) if !opened.live => size
            .saturating_mul(MEMORY_FOR_A_BYTE)
            .clamp(LEAST_MEMORY.min(most), most),
        _ => most,
    }
}
