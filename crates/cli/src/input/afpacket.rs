//! Interfaces through the kernel's packet sockets.

use portreeve_capture::afpacket::{self, AfPacketConfig, AfPacketSource};
use portreeve_capture::{Filter, Source};
use portreeve_engine::Input;

use super::Queues;
use crate::config::Config;
use crate::config::values::Direction;
use crate::exit::Failure;

/// Ring blocks (of 1 MiB) that the workers of an interface share, and the least each of them gets.
const BLOCKS: usize = 256;
const LEAST_BLOCKS: usize = 16;

/// One source for each worker, which share the interface's frames; the filter in the kernel where that can be.
pub(super) fn open(config: &Config, name: &str, workers: usize) -> Result<Queues, Failure> {
    let capture = &config.capture;
    let mut made = settings(config, name, workers);
    let link = afpacket::link_type(name).map_err(Failure::capture)?;
    if let Some(expression) = &capture.filter {
        let filter = Filter::compile(expression, link, capture.snaplen);
        made.filter = Some(filter.map_err(Failure::capture)?);
    }
    let sources = if workers == 1 {
        AfPacketSource::open(&made).map(|source| vec![source])
    } else {
        AfPacketSource::open_fanout(&made, workers)
    };
    let inputs = sources.map_err(Failure::capture)?.into_iter();
    Ok(Queues {
        inputs: inputs
            .map(|source| Input {
                source: Box::new(source) as Box<dyn Source>,
                filter: None,
            })
            .collect(),
        link,
        why: "as asked".into(),
    })
}

fn settings(config: &Config, name: &str, workers: usize) -> AfPacketConfig {
    let capture = &config.capture;
    let mut made = AfPacketConfig::new(name);
    made.blocks = (BLOCKS / workers).clamp(LEAST_BLOCKS, made.blocks);
    made.promiscuous = capture.promiscuous;
    made.snap_length = Some(capture.snaplen);
    made.direction = match capture.direction {
        Direction::In => afpacket::Direction::In,
        Direction::Out => afpacket::Direction::Out,
        Direction::Inout => afpacket::Direction::InOut,
    };
    made
}
