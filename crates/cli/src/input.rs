//! Opens what is to be watched: files or interfaces, each with its filter.

use std::path::Path;

use portreeve_capture::afxdp::in_use;
use portreeve_capture::file::is_among;
use portreeve_capture::filter::FilterSet;
use portreeve_capture::{FileSource, Source, SourceInfo, interfaces};
use portreeve_engine::{FrameFilter, Input, Inputs, NewFilter, placement};
use portreeve_host::cpus::Topology;
use portreeve_packet::LinkType;

mod afpacket;
mod afxdp;
mod dpdk;

use crate::args::Args;
use crate::config::Config;
use crate::config::values::Workers;
use crate::exit::Failure;
use crate::interface::{self, CapturePath, InterfaceName};
use crate::settings::Settings;

/// Files smaller than this are read by one thread from end to end: sharing them out costs more than it gains.
const WORTH_SHARING: u64 = 256 << 20;
/// The most workers that `auto` gives to a file: one reader does not feed more.
const MOST_FOR_A_FILE: usize = 4;

/// The most workers that `auto` gives to interfaces.
const MOST_LIVE: usize = 8;

/// Sources that are open.
pub struct Opened {
    /// For the engine.
    pub inputs: Inputs,
    /// What the frames of each source begin with, as far as that is known.
    pub links: Vec<LinkType>,
    /// What each source says of itself.
    pub infos: Vec<SourceInfo>,
    /// How many workers there will be.
    pub workers: usize,
    /// Packets come whether we are ready or not.
    pub live: bool,
    /// Lines for the start report: what was chosen and why.
    pub notes: Vec<String>,
}

/// An interface, opened: one input for each worker.
struct Queues {
    /// Worker k's at place k; or one, which all workers share.
    inputs: Vec<Input>,
    /// What their frames begin with.
    link: LinkType,
    /// Why this path, for the start report.
    why: String,
}

/// What the words behind the flags are: further files, then the filter expression.
///
/// `-r *.pcap` is expanded by the shell to `-r a.pcap b.pcap …`; words that name files, as long as they come first and look
/// like file names (a dot or a slash), are files. No filter expression begins with one.
#[must_use]
pub fn split_words(words: &[String], reads_files: bool) -> (Vec<String>, String) {
    let files = if reads_files {
        words
            .iter()
            .take_while(|word| word.contains(['.', '/']) && Path::new(word).is_file())
            .count()
    } else {
        0
    };
    (words[..files].to_vec(), words[files..].join(" "))
}

/// Opens all sources.
///
/// # Errors
/// What cannot be opened, with what to type next.
pub fn open(args: &Args, settings: &Settings) -> Result<Opened, Failure> {
    let config = &settings.config;
    if !args.input.read.is_empty() {
        let (further, _) = split_words(&args.input.expression, true);
        let mut files = args.input.read.clone();
        files.extend(further);
        return open_files(args, config, &files);
    }
    // `portreeve trace.pcap`: what was meant is plain.
    if let Some(file) = args.input.expression.first()
        && file.contains(['.', '/'])
        && Path::new(file).is_file()
    {
        return Err(Failure::usage(format!(
            "{file} is a file, not a filter expression; to read it: portreeve -r {file}"
        )));
    }
    open_interfaces(args, config)
}

/// How many workers: as many as asked for; with `-c` one.
fn workers(args: &Args, config: &Config, auto: impl FnOnce() -> usize) -> Result<usize, Failure> {
    match (config.engine.workers, args.input.count) {
        (Workers::Count(workers), Some(_)) if workers > 1 => Err(Failure::usage(
            "-c counts in one place: it needs one worker; leave --workers out, or say --workers 1",
        )),
        (_, Some(_)) => Ok(1),
        (Workers::Count(workers), None) => Ok(workers.into()),
        (Workers::Auto, None) => Ok(auto().max(1)),
    }
}

fn filter(config: &Config, link: LinkType) -> Result<Option<FrameFilter>, Failure> {
    let Some(expression) = &config.capture.filter else {
        return Ok(None);
    };
    let mut set =
        FilterSet::new(expression, link, config.capture.snaplen).map_err(Failure::capture)?;
    Ok(Some(Box::new(move |frame| set.matches(frame))))
}

/// The filter of a configuration that is read again, for sources that are open and have frames of these link types.
///
/// # Errors
/// The expression is none for one of them.
pub fn new_filter(config: &Config, links: &[LinkType]) -> Result<NewFilter, Failure> {
    let Some(expression) = &config.capture.filter else {
        return Ok(NewFilter::new(|| None));
    };
    let compile = |link: LinkType| FilterSet::new(expression, link, config.capture.snaplen);
    let mut sets = Vec::new();
    for link in links {
        sets.push(compile(*link).map_err(Failure::capture)?);
    }
    // It makes itself the programs of the other types.
    let set = match sets.into_iter().next() {
        Some(set) => set,
        None => compile(LinkType::Ethernet).map_err(Failure::capture)?,
    };
    Ok(NewFilter::new(move || {
        let mut set = set.clone();
        let filter: FrameFilter = Box::new(move |frame| set.matches(frame));
        Some(filter)
    }))
}

fn open_files(args: &Args, config: &Config, files: &[String]) -> Result<Opened, Failure> {
    for (given, flag) in [
        (args.input.no_promiscuous, "-p"),
        (args.input.direction.is_some(), "-Q"),
    ] {
        if given {
            return Err(Failure::usage(format!(
                "{flag} is for interfaces; a file has what was captured"
            )));
        }
    }
    if let Some(path) = &args.output.write
        && is_among(path, files)
    {
        return Err(Failure::usage(format!(
            "-w {0}: that is one of the files to be read, and would be lost; write into another",
            path.display()
        )));
    }
    // Most captures are Ethernet; other link types get their program with their first frame.
    let filter = filter(config, LinkType::Ethernet)?;
    let source = FileSource::open(files).map_err(Failure::capture)?;
    let info = source.info().clone();
    let spare = placement::room(&placement::topology());
    let large = info.total_bytes.is_some_and(|bytes| bytes >= WORTH_SHARING);
    let workers = workers(args, config, || {
        if large { spare.min(MOST_FOR_A_FILE) } else { 1 }
    })?;
    let mut notes = vec![format!("{}: {}", info.name, info.description)];
    notes.extend(filter_note(config));
    let input = Input {
        source: Box::new(source),
        filter,
    };
    let inputs = if workers == 1 {
        Inputs::PerWorker(vec![vec![input]])
    } else {
        Inputs::Shared(input, workers)
    };
    Ok(Opened {
        inputs,
        links: vec![LinkType::Ethernet],
        infos: vec![info],
        workers,
        live: false,
        notes,
    })
}

fn filter_note(config: &Config) -> Option<String> {
    let expression = config.capture.filter.as_ref()?;
    Some(format!(
        "filter \"{expression}\": in Portreeve; what it rejects is counted"
    ))
}

/// Workers for interfaces, if nobody says how many.
pub fn live_workers(topology: &Topology) -> usize {
    placement::room(topology).min(MOST_LIVE)
}

fn open_interfaces(args: &Args, config: &Config) -> Result<Opened, Failure> {
    let mut notes = Vec::new();
    let names = interface_names(config, &mut notes)?;
    let workers = workers(args, config, || {
        live_workers(&placement::topology()).min(afxdp::most_workers(&names))
    })?;
    // Worker k gets source k of every interface, so that the two directions of a tap meet.
    let mut of_workers: Vec<Vec<Input>> = (0..workers).map(|_| Vec::new()).collect();
    let mut shared = None;
    let mut infos = Vec::new();
    let mut links = Vec::new();
    // DPDK starts once in a process, with all its ports.
    let mut ports = dpdk::open(args, config, &names, workers, &mut notes)?;
    for name in &names {
        let Queues { inputs, link, why } = match name.path {
            CapturePath::Dpdk => ports
                .pop_front()
                .ok_or_else(|| Failure::failed(format!("{name}: DPDK did not open it")))?,
            _ => open_interface(args, config, name, workers)?,
        };
        let Some(info) = inputs.first().map(|input| input.source.info().clone()) else {
            continue;
        };
        links.push(link);
        notes.push(format!("{}: {}; {why}", info.name, info.description));
        if inputs.len() < workers {
            let name = &info.name;
            if names.len() > 1 || inputs.len() > 1 {
                return Err(Failure::usage(too_few_queues(name, inputs.len(), workers)));
            }
            notes.push(format!(
                "{name}: one queue for {workers} workers: a reader on a core of its own shares the packets out (software RSS)"
            ));
            shared = inputs.into_iter().next();
            infos.push(info);
            break;
        }
        infos.push(info);
        for (worker, input) in of_workers.iter_mut().zip(inputs) {
            worker.push(input);
        }
    }
    if let Some(expression) = &config.capture.filter {
        notes.push(format!("filter: {expression}"));
    }
    Ok(Opened {
        inputs: match shared {
            Some(input) => Inputs::Shared(input, workers),
            None => Inputs::PerWorker(of_workers),
        },
        links,
        infos,
        workers,
        live: true,
        notes,
    })
}

/// What to type where workers cannot share an interface's queues.
fn too_few_queues(name: &str, queues: usize, workers: usize) -> String {
    match queues {
        1 => format!(
            "{name} has one queue, which {workers} workers can share only if no other interface is watched with it; add --workers 1, or watch it in a run of its own"
        ),
        _ => format!("{name} has {queues} queues for {workers} workers; add --workers {queues}"),
    }
}

/// Opens an interface for so many workers, by the path named or the best there is, with its filter where it does most good.
fn open_interface(
    args: &Args,
    config: &Config,
    name: &InterfaceName,
    workers: usize,
) -> Result<Queues, Failure> {
    match name.path {
        CapturePath::Best => afpacket::open(config, &name.name, workers).map(|queues| Queues {
            why: why_afpacket(&name.name),
            ..queues
        }),
        CapturePath::AfPacket => afpacket::open(config, &name.name, workers),
        CapturePath::AfXdp => afxdp::open(config, &name.name, workers, args.input.take_over),
        CapturePath::Dpdk => Err(Failure::failed(format!(
            "{name} is opened with all others of DPDK"
        ))),
    }
}

/// Why an interface is captured by packet sockets if no path is named: no other path leaves it to the host.
fn why_afpacket(name: &str) -> String {
    let used = interface::list().ok().and_then(|all| {
        let interface = all.into_iter().find(|interface| interface.name == name)?;
        let ethernet = interface.link_type() == Some(LinkType::Ethernet) && !interface.loopback;
        ethernet.then(|| in_use(&interface))
    });
    match used {
        None => "chosen since it needs no set-up".into(),
        Some(Some(why)) => {
            format!("chosen since {name} {why}: faster paths take it away from this host")
        }
        Some(None) => format!(
            "chosen since it leaves {name} to this host; faster, if only Portreeve needs it: -i afxdp:{name}"
        ),
    }
}

/// The interfaces named, or the one to watch if none is.
fn interface_names(
    config: &Config,
    notes: &mut Vec<String>,
) -> Result<Vec<InterfaceName>, Failure> {
    let mut names: Vec<InterfaceName> = Vec::new();
    for name in &config.capture.interfaces {
        let name: InterfaceName = name.parse().map_err(Failure::usage)?;
        if names.iter().any(|other| other.name == name.name) {
            return Err(Failure::usage(format!(
                "interface {} is named twice",
                name.name
            )));
        }
        names.push(name);
    }
    if !names.is_empty() {
        return Ok(names);
    }
    let all = interface::list()?;
    let best = interfaces::best(&all).ok_or_else(|| {
        Failure::failed("this host has no interface to watch; to read a file: portreeve -r FILE")
    })?;
    let why = if best.default_route {
        "the default route leads through it"
    } else {
        "there is no default route, and it is the first that is up"
    };
    notes.push(format!(
        "watching {} since none was named: {why}",
        best.name
    ));
    Ok(vec![InterfaceName {
        path: CapturePath::Best,
        name: best.name.clone(),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_name_files_are_files_and_the_rest_is_the_filter() {
        let here = file!();
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let words = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (files, expression) = split_words(&words(&[manifest, manifest, "tcp", here]), true);
        assert_eq!(files.len(), 2);
        assert_eq!(expression, format!("tcp {here}"));
        assert_eq!(split_words(&words(&["host", "10.0.0.1"]), true).0.len(), 0);
        assert_eq!(split_words(&words(&[manifest]), false).0.len(), 0);
    }
}
