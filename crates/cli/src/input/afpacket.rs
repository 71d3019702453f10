//! Interfaces through the kernel's packet sockets.

use portreeve_capture::afpacket::{self, AfPacketConfig, AfPacketSource, MAX_RING};
use portreeve_capture::{Filter, Source};
use portreeve_engine::Input;

use super::Queues;
use crate::config::Config;
use crate::config::values::{ByteSize, Direction};
use crate::exit::Failure;

/// Ring blocks (of 1 MiB) that the workers of an interface share, and the least each of them gets.
const BLOCKS: usize = 256;
const LEAST_BLOCKS: usize = 16;

/// One source for each worker, which share the interface's frames; the filter in the kernel where that can be.
pub(super) fn open(config: &Config, name: &str, workers: usize) -> Result<Queues, Failure> {
    let capture = &config.capture;
    let mut made = settings(config, name, workers)?;
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

fn settings(config: &Config, name: &str, workers: usize) -> Result<AfPacketConfig, Failure> {
    let capture = &config.capture;
    let mut made = AfPacketConfig::new(name);
    made.blocks = match config.afpacket.ring {
        None => (BLOCKS / workers).clamp(LEAST_BLOCKS, made.blocks),
        Some(ring) if ring.0 > MAX_RING as u64 => {
            let most = ByteSize::<0>(MAX_RING as u64);
            return Err(Failure::usage(format!(
                "afpacket.ring = {ring}: a ring has at most {most}"
            )));
        }
        Some(ring) => ring.0.div_ceil(made.block_size as u64) as usize,
    };
    made.promiscuous = capture.promiscuous;
    made.snap_length = Some(capture.snaplen);
    made.direction = match capture.direction {
        Direction::In => afpacket::Direction::In,
        Direction::Out => afpacket::Direction::Out,
        Direction::Inout => afpacket::Direction::InOut,
    };
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    fn blocks(ring: Option<&str>, workers: usize) -> Result<usize, String> {
        let mut config = Config::from_layers(&Layers::default()).unwrap();
        config.afpacket.ring = ring.map(|ring| ring.parse().unwrap());
        let made = settings(&config, "eth0", workers)
            .map_err(|failure| failure.to_string().trim_end().to_owned())?;
        assert_eq!(made.block_size, 1 << 20);
        Ok(made.blocks)
    }

    #[test]
    fn a_ring_is_as_large_as_asked() {
        assert_eq!(blocks(None, 1), Ok(64));
        assert_eq!(blocks(None, 8), Ok(32));
        assert_eq!(blocks(None, 100), Ok(16));
        assert_eq!(blocks(Some("512MiB"), 8), Ok(512));
        assert_eq!(blocks(Some("2049KiB"), 1), Ok(3));
        assert_eq!(blocks(Some("2GiB"), 1), Ok(2048));
        assert_eq!(
            blocks(Some("3GiB"), 1),
            Err("portreeve: afpacket.ring = 3GiB: a ring has at most 2GiB".to_owned())
        );
    }
}
