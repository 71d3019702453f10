//! `make bench-bypass`: what one worker on one core takes from devices that go round the kernel, beside `dpdk-testpmd` on the same devices.
//!
//! Two cores: the generator has one, the receiver the other. In this process (`ring.rs`): the engine with a real worker, on `net_ring`, whose other end
//! is the generator's thread, and on `net_pcap`. Between processes (`pair.rs`): the program itself, and testpmd, on `net_memif` and vhost-user.
//! `docs/benchmarks.md` says what is measured and how.

#![allow(clippy::print_stdout, reason = "its output is the table")]

mod apart;
mod conversations;
mod generator;
mod pair;
mod quiet;
mod receiver;
mod ring;
mod send;
mod stops;
mod trial;
mod wire;

/// What went wrong, in words.
type Outcome<T> = Result<T, String>;

fn fail<T>(what: impl Into<String>) -> Outcome<T> {
    Err(what.into())
}

/// A line on what goes on; the table comes at the end.
fn say(what: &str) {
    eprintln!("{what}");
}

const USAGE: &str = "usage: portreeve-bench-bypass ring [SECONDS]
       portreeve-bench-bypass pair PORTREEVE TESTPMD [SECONDS]
       portreeve-bench-bypass send DEVICE CONVERSATIONS CPU";

/// Has a child end when this process does, however that ends: receivers poll without end.
fn end_with_us(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt;
    // SAFETY: one system call without memory, which may be made between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}

fn run() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| {
        text.parse::<f64>()
            .map_err(|_| format!("{text} is no number"))
    };
    match words.as_slice() {
        ["ring", rest @ ..] => ring::table(rest.first().map_or(Ok(1.0), |text| number(text))?),
        ["pair", portreeve, testpmd, rest @ ..] => pair::table(
            portreeve,
            testpmd,
            rest.first().map_or(Ok(0.5), |text| number(text))?,
        ),
        ["send", device, conversations, cpu] => {
            send::serve(device, number(conversations)? as u32, number(cpu)? as usize)
        }
        _ => fail(USAGE),
    }
}

fn main() -> std::process::ExitCode {
    match run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("error: {what}");
            std::process::ExitCode::FAILURE
        }
    }
}
