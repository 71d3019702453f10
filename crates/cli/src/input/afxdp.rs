//! Interfaces through AF_XDP.

use portreeve_capture::Source;
use portreeve_capture::afxdp::{self, AfXdpConfig, AfXdpSource};
use portreeve_engine::{Input, placement};
use portreeve_packet::LinkType;

use super::Queues;
use crate::config::Config;
use crate::config::values::{Direction, XdpMode, ZeroCopy};
use crate::engine_config::preference;
use crate::exit::Failure;
use crate::interface::{CapturePath, InterfaceName};

/// One source for each worker, its share of the queues; one source with all of them if there are fewer queues than workers. The filter runs
/// in Portreeve.
pub(super) fn open(
    config: &Config,
    name: &str,
    workers: usize,
    take_over: bool,
) -> Result<Queues, Failure> {
    if config.capture.direction == Direction::Out {
        return Err(Failure::usage(format!(
            "-Q out: AF_XDP sees received packets only; type afpacket:{name}"
        )));
    }
    let queues = AfXdpSource::queues(name).map_err(Failure::capture)?;
    let sources = if queues < workers { 1 } else { workers };
    let made = settings(config, name, take_over)?;
    let mut inputs = Vec::new();
    for source in AfXdpSource::open(&made, sources).map_err(Failure::capture)? {
        inputs.push(Input {
            source: Box::new(source) as Box<dyn Source>,
            filter: super::filter(config, LinkType::Ethernet)?,
        });
    }
    let why = if queues < workers {
        format!(
            "as asked; a queue for each worker, where the driver allows it: ethtool -L {name} combined {workers}"
        )
    } else {
        "as asked".into()
    };
    Ok(Queues {
        inputs,
        link: LinkType::Ethernet,
        why,
    })
}

/// The most workers that are worth having, if `auto` decides: with several queues, one for each.
pub(super) fn most_workers(names: &[InterfaceName]) -> usize {
    names
        .iter()
        .filter(|name| name.path == CapturePath::AfXdp)
        .filter_map(|name| AfXdpSource::queues(&name.name).ok())
        .filter(|queues| *queues > 1)
        .min()
        .unwrap_or(usize::MAX)
}

fn settings(config: &Config, name: &str, take_over: bool) -> Result<AfXdpConfig, Failure> {
    let wanted = &config.afxdp;
    let busy_poll = u16::try_from(wanted.busy_poll).map_err(|_| {
        Failure::usage(format!(
            "afxdp.busy_poll = {}: at most {} frames at once",
            wanted.busy_poll,
            u16::MAX
        ))
    })?;
    Ok(AfXdpConfig {
        mode: match wanted.mode {
            XdpMode::Auto => afxdp::Mode::Auto,
            XdpMode::Native => afxdp::Mode::Native,
            XdpMode::Generic => afxdp::Mode::Generic,
        },
        zero_copy: match wanted.zero_copy {
            ZeroCopy::Auto => afxdp::ZeroCopy::Auto,
            ZeroCopy::On => afxdp::ZeroCopy::On,
            ZeroCopy::Off => afxdp::ZeroCopy::Off,
        },
        ring: wanted.ring,
        frames: wanted.frames,
        busy_poll,
        promiscuous: config.capture.promiscuous,
        take_over,
        huge_pages: preference(config.memory.huge_pages),
        node: placement::node_of_source(name),
        ..AfXdpConfig::new(name)
    })
}
