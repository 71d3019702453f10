//! Other monitors, on the same capture file in the same run: packets per second of CPU time.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::clock::median;

/// What one run of a program took.
#[derive(Clone, Copy, Debug)]
struct Usage {
    /// User and system time of the program and all its threads, seconds.
    cpu: f64,
    /// Wall time, seconds.
    wall: f64,
    /// Most resident memory, bytes.
    resident: u64,
    /// Whether it was ended by a signal: a crash.
    crashed: bool,
}

/// A program and how it is called.
struct Peer {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    /// Measured once only, because it takes so long.
    once: bool,
}

/// Runs a program to its end; its output goes nowhere.
fn run(peer: &Peer) -> io::Result<Usage> {
    let begin = Instant::now();
    let child = Command::new(&peer.program)
        .args(&peer.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut status = 0;
    // SAFETY: an all-zero rusage is a valid one.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are valid to write to; the child is ours and nobody else waits for it.
    let waited = unsafe { libc::wait4(child.id() as i32, &raw mut status, 0, &raw mut usage) };
    if waited < 0 {
        return Err(io::Error::last_os_error());
    }
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(Usage {
        cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        wall: begin.elapsed().as_secs_f64(),
        resident: usage.ru_maxrss as u64 * 1024,
        crashed: libc::WIFSIGNALED(status),
    })
}

fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")])
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// What NFStream is called with: every flow with its application by nDPI, as it comes out of the box; statistics are off by default.
const NFSTREAM: &str = "import sys
from nfstream import NFStreamer
if __name__ == '__main__':
    for flow in NFStreamer(source=sys.argv[1]):
        pass
";

/// Portreeve in its forms, then the peers; those that are not installed are named.
fn programs(portreeve: &Path, file: &str, scratch: &str) -> Vec<Peer> {
    let strings = |arguments: &[&str]| arguments.iter().map(|&a| a.to_owned()).collect::<Vec<_>>();
    // The flow peers look into no application: beside them, neither do we.
    let form = |more: &[&str]| {
        let mut all = strings(&["-r", file, "--json"]);
        all.extend(strings(more));
        all
    };
    let flows = ["--set", "app.enabled=false"];
    let mut programs: Vec<Peer> = [
        ("portreeve, flows", form(&flows)),
        (
            "portreeve, flows, 1 worker",
            form(&[&flows[..], &["--workers", "1"]].concat()),
        ),
        (
            "portreeve, flows, 2 workers",
            form(&[&flows[..], &["--workers", "2"]].concat()),
        ),
        ("portreeve, applications", form(&["--workers", "1"])),
    ]
    .into_iter()
    .map(|(name, arguments)| Peer {
        name,
        program: portreeve.to_owned(),
        arguments,
        once: false,
    })
    .collect();
    // A Python that has NFStream, made by scripts/bench.
    let python = std::env::var("PORTREEVE_BENCH_PYTHON").unwrap_or_default();
    let peers: [(&str, &str, Vec<String>, bool); 8] = [
        (
            "softflowd",
            "softflowd",
            strings(&["-d", "-r", file]),
            false,
        ),
        (
            "nfpcapd",
            "nfpcapd",
            strings(&["-r", file, "-w", scratch]),
            false,
        ),
        (
            "argus",
            "argus",
            strings(&["-F", "/dev/null", "-X", "-r", file, "-w", "/dev/null"]),
            false,
        ),
        (
            "pmacctd",
            "pmacctd",
            strings(&[
                "-I",
                file,
                "-P",
                "print",
                "-O",
                "csv",
                "-o",
                "/dev/null",
                "-r",
                "3600",
                "-c",
                "src_host,dst_host,src_port,dst_port,proto",
            ]),
            true,
        ),
        (
            "tcpdump -w /dev/null",
            "tcpdump",
            strings(&["-r", file, "-w", "/dev/null"]),
            false,
        ),
        (
            "tshark -q -z conv",
            "tshark",
            strings(&["-n", "-q", "-r", file, "-z", "conv,tcp", "-z", "conv,udp"]),
            true,
        ),
        (
            "tshark -T fields, applications",
            "tshark",
            strings(&[
                "-n",
                "-r",
                file,
                "-T",
                "fields",
                "-e",
                "dns.qry.name",
                "-e",
                "http.host",
                "-e",
                "tls.handshake.extensions_server_name",
                "-e",
                "ssh.protocol",
            ]),
            true,
        ),
        (
            "NFStream (nDPI), applications",
            &python,
            strings(&["-c", NFSTREAM, file]),
            true,
        ),
    ];
    for (name, program, arguments, once) in peers {
        match find(program) {
            Some(program) => programs.push(Peer {
                name,
                program,
                arguments,
                once,
            }),
            None => println!("{name}: not installed"),
        }
    }
    programs
}

/// Runs everything over `file`, which has `packets` packets, and prints the table.
///
/// # Errors
/// The file cannot be read; a program cannot be started.
pub fn table(portreeve: &Path, file: &Path, packets: u64, rounds: usize) -> io::Result<()> {
    let bytes = warm(file)?;
    println!(
        "{}: {packets} packets, {:.0} MB in the page cache. CPU seconds: user and system, all threads; medians of {rounds} rounds (pmacctd, tshark, NFStream: 1).",
        file.display(),
        bytes as f64 / 1e6
    );
    let scratch = std::env::temp_dir().join(format!("portreeve-bench-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let programs = programs(
        portreeve,
        &file.to_string_lossy(),
        &scratch.to_string_lossy(),
    );
    let mut runs: Vec<Vec<Usage>> = programs.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for (peer, runs) in programs.iter().zip(&mut runs) {
            if round == 0 || !peer.once {
                runs.push(run(peer)?);
            }
        }
    }
    std::fs::remove_dir_all(&scratch)?;
    println!(
        "{:<30} {:>9} {:>9} {:>10} {:>10} {:>9}",
        "", "CPU s", "wall s", "ns/packet", "Mpps/CPU", "MB"
    );
    let mut first = None;
    for (peer, runs) in programs.iter().zip(&runs) {
        let column = |pick: fn(&Usage) -> f64| median(&runs.iter().map(pick).collect::<Vec<_>>());
        let cpu = column(|usage| usage.cpu);
        let crashed = runs.iter().any(|usage| usage.crashed);
        let ours = *first.get_or_insert(cpu);
        let note = match (crashed, cpu > 0.0 && ours > 0.0) {
            (true, _) => "crashed on this file".to_owned(),
            (_, true) if peer.name.starts_with("portreeve") => String::new(),
            (_, true) => format!("portreeve is {:.1} times as fast", cpu / ours),
            _ => String::new(),
        };
        println!(
            "{:<30} {cpu:>9.2} {:>9.2} {:>10.0} {:>10.2} {:>9.0}  {note}",
            peer.name,
            column(|usage| usage.wall),
            cpu * 1e9 / packets.max(1) as f64,
            packets as f64 / cpu.max(1e-9) / 1e6,
            column(|usage| usage.resident as f64) / 1e6,
        );
    }
    Ok(())
}

/// Reads a file to its end, so that it stands in the page cache. Returns its length.
fn warm(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(length),
            read => length += read as u64,
        }
    }
}
