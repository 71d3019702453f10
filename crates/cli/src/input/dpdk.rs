//! Ports that DPDK drives.

use std::collections::VecDeque;

use super::Queues;
use crate::args::Args;
use crate::config::Config;
use crate::exit::Failure;
use crate::interface::{CapturePath, InterfaceName};

/// Opens all ports among `names` at once, for so many workers each: one entry for each, in the order of the names.
#[cfg(feature = "dpdk")]
pub(super) fn open(
    args: &Args,
    config: &Config,
    names: &[InterfaceName],
    workers: usize,
    notes: &mut Vec<String>,
) -> Result<VecDeque<Queues>, Failure> {
    use portreeve_capture::Source;
    use portreeve_capture::dpdk::{self, Device};
    use portreeve_engine::Input;
    use portreeve_packet::LinkType;

    let devices = names
        .iter()
        .filter(|name| name.path == CapturePath::Dpdk)
        .map(|name| Device::parse(&name.name).map_err(Failure::usage))
        .collect::<Result<Vec<Device>, Failure>>()?;
    if devices.is_empty() {
        return Ok(VecDeque::new());
    }
    if args.input.direction.is_some() {
        return Err(Failure::usage(
            "-Q is for interfaces of the kernel; a port that DPDK drives has what arrives",
        ));
    }
    let wanted = settings(args, config, workers)?;
    let mut opened = VecDeque::new();
    for port in dpdk::open(&wanted, &devices, workers).map_err(Failure::capture)? {
        let warnings = port.warnings.iter();
        notes.extend(warnings.map(|warning| format!("warning: {warning}")));
        let mut inputs = Vec::new();
        for source in port.sources {
            inputs.push(Input {
                source: Box::new(source) as Box<dyn Source>,
                filter: super::filter(config, LinkType::Ethernet)?,
            });
        }
        opened.push_back(Queues {
            inputs,
            link: LinkType::Ethernet,
            why: "as asked".into(),
        });
    }
    Ok(opened)
}

/// This build has no DPDK.
#[cfg(not(feature = "dpdk"))]
pub(super) fn open(
    _args: &Args,
    _config: &Config,
    names: &[InterfaceName],
    _workers: usize,
    _notes: &mut Vec<String>,
) -> Result<VecDeque<Queues>, Failure> {
    match names.iter().find(|name| name.path == CapturePath::Dpdk) {
        None => Ok(VecDeque::new()),
        Some(name) => Err(Failure::usage(format!(
            "{name}: this build of Portreeve is without DPDK; build it with its default features, or give an interface of the kernel (portreeve -D lists them)"
        ))),
    }
}

#[cfg(feature = "dpdk")]
fn settings(
    args: &Args,
    config: &Config,
    workers: usize,
) -> Result<portreeve_capture::dpdk::DpdkConfig, Failure> {
    use crate::config::values::Checksums;

    /// Buffers that may be with other workers, when one receives for several.
    const LOANS: u32 = 16_384;

    let dpdk = &config.dpdk;
    let small = |key: &str, value: u32| {
        u16::try_from(value)
            .map(|value| (value > 0).then_some(value))
            .map_err(|_| Failure::usage(format!("{key}: {value} is more than {}", u16::MAX)))
    };
    Ok(portreeve_capture::dpdk::DpdkConfig {
        descriptors: small("dpdk.descriptors", dpdk.descriptors)?,
        buffers: (dpdk.buffers > 0).then_some(dpdk.buffers),
        loans: if workers > 1 { LOANS } else { 0 },
        mtu: small("dpdk.mtu", dpdk.mtu)?,
        memory: (dpdk.preallocate > 0).then_some(dpdk.preallocate),
        may_do_without_huge_pages: dpdk.without_huge_pages,
        cpus: Vec::new(),
        promiscuous: config.capture.promiscuous,
        checksums: config.capture.checksums == Checksums::On,
        interrupts: true,
        take_over: args.input.take_over,
        extra: dpdk.eal_arguments.clone(),
        ..portreeve_capture::dpdk::DpdkConfig::default()
    })
}
