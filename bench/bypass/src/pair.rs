//! Between processes: the lossless rate of the program and of testpmd on the same devices, one after the other, from the same generator.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::apart::Cores;
use crate::generator::{Order, Sent};
use crate::quiet::Look;
use crate::receiver::{Kind, Receiver};
use crate::ring::{CPUS, LONG_RING};
use crate::trial::{self, Found, LINE_RATE, Trial};
use crate::{Outcome, fail, say};

/// Conversations.
const FLOWS: u32 = 100_000;
/// What the program has to reach of testpmd's rate.
const SHARE: f64 = 0.6;

/// A device between two processes; `SOCKET` stands for the socket's path, `PLACES` for those of the ring ([`LONG_RING`]), `LOG` for their logarithm to base 2.
struct Way {
    name: &'static str,
    receiver: &'static str,
    sender: &'static str,
    /// The sender makes the socket, and the receiver does not open without.
    sender_first: bool,
    /// How the program waits on it, beside polling: `net_memif` has no receive interrupt.
    modes: [&'static str; 2],
}

const WAYS: [Way; 3] = [
    Way {
        // Zero-copy: the sender writes into the receiver's packet buffers, so that the receiver does not copy.
        name: "net_memif",
        receiver: "net_memif0,role=client,socket=SOCKET,socket-abstract=no,rsize=LOG,zero-copy=yes",
        sender: "net_memif0,role=server,socket=SOCKET,socket-abstract=no,rsize=LOG",
        sender_first: true,
        modes: ["poll", "adaptive"],
    },
    Way {
        name: "net_vhost",
        receiver: "net_vhost0,iface=SOCKET",
        sender: "net_virtio_user0,path=SOCKET,queue_size=PLACES",
        sender_first: false,
        modes: ["poll", "interrupt"],
    },
    Way {
        name: "net_virtio_user",
        receiver: "net_virtio_user0,path=SOCKET,server=1,queue_size=PLACES",
        sender: "net_vhost0,iface=SOCKET,client=1",
        sender_first: false,
        modes: ["poll", "interrupt"],
    },
];

/// Measures and prints it all.
///
/// # Errors
/// A program that does not start.
pub fn table(portreeve: &str, testpmd: &str, seconds: f64) -> Outcome<()> {
    let mut lines = Vec::new();
    let mut cores = Cores::new(CPUS);
    for way in &WAYS {
        let mut peer = None;
        let kinds = [
            Kind::Testpmd(testpmd.into()),
            Kind::Portreeve(portreeve.into(), way.modes[0]),
            Kind::Portreeve(portreeve.into(), way.modes[1]),
        ];
        for kind in kinds {
            // One that fails leaves the others' rows.
            match measure(&mut cores, way, &kind, seconds) {
                Ok(rates) => {
                    lines.push(rates.line(way, &kind, peer.as_ref()));
                    if matches!(kind, Kind::Testpmd(_)) {
                        peer = Some(rates);
                    }
                }
                Err(what) => {
                    say(&format!("{}, {kind}: {what}", way.name));
                    lines.push(format!("{:<16} {kind:<22} {:>14}", way.name, "failed"));
                }
            }
        }
    }
    println!(
        "From a generator in another process on the other core, {FLOWS} flows, 64-byte packets: the highest rate at which nothing was lost (trials of {seconds} s), and what was received of all that can be offered; shares are of testpmd's:"
    );
    println!(
        "{:<16} {:<22} {:>14} {:>14} {:>14} {:>18} {:>18} {:>18}",
        "receives on",
        "program",
        "cores' way, ns",
        "lossless, Mpps",
        "reached, Mpps",
        "lossless, share",
        "up to 10 GbE",
        "reached, share"
    );
    for line in lines {
        println!("{line}");
    }
    Ok(())
}

/// What one receiver reached.
struct Rates {
    lossless: Found,
    /// When the generator offered all it could, and what was refused again.
    reached: Found,
}

impl Rates {
    /// A line of the table, with the shares of what testpmd reached, if it did.
    fn line(&self, way: &Way, kind: &Kind, peer: Option<&Rates>) -> String {
        let apart = self.lossless.way.max(self.reached.way);
        let mut line = format!(
            "{:<16} {kind:<22} {apart:>14.0} {:>14.2} {:>14.2}",
            way.name,
            self.lossless.rate / 1e6,
            self.reached.rate / 1e6
        );
        if let Some(peer) = peer.filter(|peer| peer.lossless.rate > 0.0) {
            let (own, its) = (self.lossless.rate, peer.lossless.rate);
            let on_wire = own.min(LINE_RATE) / its.min(LINE_RATE);
            line.push_str(&format!(
                " {} {} {}",
                share(own / its),
                share(on_wire),
                share(self.reached.rate / peer.reached.rate)
            ));
        }
        line
    }
}

/// A ratio to testpmd's rate, and whether it is what it has to be.
fn share(ratio: f64) -> String {
    let verdict = if ratio < SHARE { " below 0.6" } else { "" };
    format!("{:>18}", format!("{ratio:.2}{verdict}"))
}

fn measure(cores: &mut Cores, way: &Way, kind: &Kind, seconds: f64) -> Outcome<Rates> {
    let folder = Folder::new()?;
    let socket = folder.0.join("socket");
    let device = |text: &str| {
        text.replace("PLACES", &LONG_RING.to_string())
            .replace("LOG", &LONG_RING.ilog2().to_string())
            .replace("SOCKET", &socket.display().to_string())
    };
    let send = || Sender::start(&device(way.sender));
    let early = if way.sender_first {
        let sender = send()?;
        wait_for(&socket)?;
        Some(sender)
    } else {
        None
    };
    let mut receiver = Receiver::start(kind, &device(way.receiver), FLOWS, &folder.0)?;
    let with_errors = |what: String| {
        let said = std::fs::read_to_string(folder.0.join("errors")).unwrap_or_default();
        format!("{what}\n{said}")
    };
    let mut sender = match early {
        Some(sender) => sender,
        None => {
            wait_for(&socket).map_err(with_errors)?;
            send()?
        }
    };
    sender.wait_until_ready().map_err(with_errors)?;
    let before = receiver.settled().map_err(with_errors)?;
    if before < u64::from(FLOWS) * 3 {
        say(&format!(
            "{}, {kind}: {before} of {} opening packets arrived",
            way.name,
            FLOWS * 3
        ));
    }
    receiver.make_real_time();
    // Not counted: the first data of each conversation, and memory that is touched for the first time.
    sender.run(Order {
        rate: LINE_RATE / 4.0,
        seconds: 1.0,
    })?;
    let what = format!("{}, {kind}", way.name);
    let mut run = |order| {
        let before = receiver.settled()?;
        let look = Look::at(&CPUS, receiver.id());
        let sent = sender.run(order)?;
        let disturbance = Look::at(&CPUS, receiver.id()).since(&look);
        let received = receiver.settled()?.saturating_sub(before);
        Ok(Trial {
            sent,
            received,
            disturbance,
            ..Trial::default()
        })
    };
    let reached = trial::reached(cores, &what, seconds, &mut run)?;
    let lossless = trial::search(cores, &what, seconds, &mut run)?;
    Ok(Rates { lossless, reached })
}

/// This program as the generator in a process of its own.
struct Sender {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sender {
    fn start(device: &str) -> Outcome<Sender> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        crate::end_with_us(&mut command);
        let mut child = command
            .args(["send", device, &FLOWS.to_string(), &CPUS[0].to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return fail("no pipes to the generator");
        };
        Ok(Sender {
            child,
            input,
            output: BufReader::new(output),
        })
    }

    /// Until its peer has come and all conversations are open.
    fn wait_until_ready(&mut self) -> Outcome<()> {
        match self.line()?.as_str() {
            "ready" => Ok(()),
            other => fail(format!("the generator said {other:?}")),
        }
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) => fail("the generator ended"),
            Ok(_) => Ok(line.trim().to_owned()),
            Err(error) => fail(error.to_string()),
        }
    }

    fn run(&mut self, order: Order) -> Outcome<Sent> {
        let Order { rate, seconds } = order;
        writeln!(self.input, "{rate} {seconds}").map_err(|error| error.to_string())?;
        let line = self.line()?;
        let numbers: Vec<u64> = line
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        let [offered, refused, nanoseconds, behind] = numbers[..] else {
            return fail(format!("the generator said {line:?}"));
        };
        Ok(Sent {
            offered,
            refused,
            nanoseconds,
            behind,
        })
    }
}

fn wait_for(socket: &Path) -> Outcome<()> {
    let begun = Instant::now();
    while !socket.exists() {
        if begun.elapsed() > Duration::from_secs(15) {
            return fail("nobody makes the socket");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    Ok(())
}

/// A folder of sockets, removed when it goes out of scope.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Outcome<Folder> {
        let path = std::env::temp_dir().join(format!("portreeve-bypass-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
