//! EAL: its arguments, made of our configuration, and its start.

use std::ffi::{CString, c_char};
use std::sync::{Mutex, PoisonError};

use portreeve_dpdk_sys as sys;

use super::config::DpdkConfig;
use super::device::Device;
use super::host::Memory;
use super::{fault, log};
use crate::error::CaptureError;

/// Arguments at which EAL ends the process or writes on standard output.
const ENDING: [&str; 4] = ["-h", "--help", "-v", "--version"];

/// Where EAL got to in this process: it starts once, and after a failure never.
enum State {
    NotStarted,
    Started { pci: bool },
    Failed,
}

static STATE: Mutex<State> = Mutex::new(State::NotStarted);

/// Starts EAL, unless it runs.
pub(super) fn start(
    config: &DpdkConfig,
    devices: &[Device],
    memory: &Memory,
) -> Result<(), CaptureError> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let first = devices.first().map_or("", Device::name);
    let wants_pci = devices
        .iter()
        .any(|device| matches!(device, Device::Pci(_)));
    match *state {
        State::Started { pci } if pci || !wants_pci => return Ok(()),
        State::Started { .. } => {
            return Err(fault(
                first,
                "DPDK runs in this process already, without PCI devices: name all ports at once",
                None,
            ));
        }
        State::Failed => {
            return Err(fault(
                first,
                "DPDK could not be started in this process before, and cannot be tried twice: start the program again",
                None,
            ));
        }
        State::NotStarted => {}
    }
    if let Some(ending) = config
        .extra
        .iter()
        .find(|word| ENDING.contains(&word.as_str()))
    {
        return Err(fault(
            first,
            format!(
                "the EAL argument {ending} would end the program; leave it out of dpdk.eal_arguments"
            ),
            None,
        ));
    }
    let arguments = arguments(config, devices, memory);
    log::take_over();
    log::clear();
    let result = quietly(|| init(&arguments));
    if result < 0 {
        *state = State::Failed;
        // SAFETY: it only reads the thread's error number.
        let error = unsafe { sys::pr_errno() };
        let why = log::cite()
            .unwrap_or_else(|| std::io::Error::from_raw_os_error(error.abs()).to_string());
        let with = config.extra.join(" ");
        let with = if with.is_empty() {
            with
        } else {
            format!(" (with dpdk.eal_arguments {with})")
        };
        return Err(fault(
            first,
            format!("DPDK's environment does not start{with}: {why}"),
            Some("portreeve doctor"),
        ));
    }
    if wants_pci {
        // Refused where the kernel's messages about devices cannot be had: then a card that is unplugged is one that is silent.
        // SAFETY: EAL runs, and this is the first call.
        unsafe { sys::pr_watch_devices() };
    }
    *state = State::Started { pci: wants_pci };
    Ok(())
}

/// The arguments, the program's name first.
fn arguments(config: &DpdkConfig, devices: &[Device], memory: &Memory) -> Vec<String> {
    let given = |name: &str| {
        config.extra.iter().any(|word| {
            word == name
                || word
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with('='))
        })
    };
    let mut made: Vec<String> = vec!["portreeve".into(), "--no-telemetry".into()];
    // Memory that no file stands for: nothing is left behind, whatever ends the process, and nothing needs to be mounted.
    let own_files = [
        "--huge-dir",
        "--file-prefix",
        "--proc-type",
        "--huge-unlink",
        "--legacy-mem",
    ]
    .into_iter()
    .any(given);
    if memory.without_huge_pages || given("--no-huge") {
        made.extend(["--no-shconf".into(), "--no-huge".into()]);
    } else if !own_files && !given("--in-memory") {
        made.push("--in-memory".into());
    }
    if let Some(megabytes) = memory.preallocate
        && !given("-m")
        && !given("--socket-mem")
    {
        made.extend(["-m".into(), megabytes.to_string()]);
    }
    if devices.iter().any(Device::shares_memory)
        && !memory.without_huge_pages
        && !given("--single-file-segments")
    {
        made.push("--single-file-segments".into());
    }
    if !["-l", "-c", "--lcores"].into_iter().any(given) {
        // One lcore that floats over all processors: our workers are threads of our own.
        let cpus: Vec<String> = cpus(config).iter().map(ToString::to_string).collect();
        made.push(format!("--lcores=0@({})", cpus.join(",")));
    }
    let addresses: Vec<&str> = devices
        .iter()
        .filter_map(|device| match device {
            Device::Pci(address) => Some(address.as_str()),
            Device::Virtual { .. } => None,
        })
        .collect();
    if addresses.is_empty() {
        // Otherwise EAL would look at every NIC of the host.
        made.push("--no-pci".into());
        if !given("--iova-mode") {
            made.push("--iova-mode=va".into());
        }
    }
    for address in addresses {
        made.extend(["-a".into(), address.into()]);
    }
    made.extend(config.extra.iter().cloned());
    made.dedup();
    made
}

fn cpus(config: &DpdkConfig) -> Vec<usize> {
    if !config.cpus.is_empty() {
        return config.cpus.clone();
    }
    let set = affinity();
    // SAFETY: the number is below the set's size.
    let cpus: Vec<usize> = (0..libc::CPU_SETSIZE as usize)
        .filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) })
        .collect();
    if cpus.is_empty() { vec![0] } else { cpus }
}

fn affinity() -> libc::cpu_set_t {
    // SAFETY: a set of zeros is an empty set, and the call writes no more than its size. Should it fail, the set stays empty.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set);
        set
    }
}

/// Calls EAL's start, which pins the calling thread, and gives the thread its processors back.
fn init(arguments: &[String]) -> i32 {
    // EAL may keep pointers to its arguments: they stay for good, and it starts once.
    let mut words: Vec<*mut c_char> = arguments
        .iter()
        .filter_map(|word| CString::new(word.as_str()).ok())
        .map(CString::into_raw)
        .collect();
    let count = words.len() as i32;
    words.push(std::ptr::null_mut());
    let before = affinity();
    // SAFETY: so many strings and a closing null, which are never freed; nobody else starts EAL (the state is locked).
    let result = unsafe { sys::rte_eal_init(count, words.leak().as_mut_ptr()) };
    // SAFETY: the set is there for the call.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const before) };
    result
}

/// Runs `what` with standard output and standard error led to nowhere: EAL prints its usage there when it does not know an argument. What it
/// has to say stands in the log, and our error cites it.
fn quietly<T>(what: impl FnOnce() -> T) -> T {
    let streams = [libc::STDOUT_FILENO, libc::STDERR_FILENO];
    // SAFETY: plain descriptors; whichever call fails, the stream stays what it was.
    let saved = unsafe {
        let nothing = libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        let saved = streams.map(|stream| {
            let saved = libc::fcntl(stream, libc::F_DUPFD_CLOEXEC, 3);
            if saved >= 0 && nothing >= 0 {
                libc::dup2(nothing, stream);
            }
            saved
        });
        if nothing >= 0 {
            libc::close(nothing);
        }
        saved
    };
    let result = what();
    // SAFETY: C's own buffers go where they were meant to go, then the descriptors come back.
    unsafe {
        libc::fflush(std::ptr::null_mut());
        for (stream, saved) in streams.into_iter().zip(saved) {
            if saved >= 0 {
                libc::dup2(saved, stream);
                libc::close(saved);
            }
        }
    }
    result
}

/// Makes the calling thread known to EAL, so that it gets a cache of packet buffers; undone when the thread ends.
pub(super) fn register_thread() {
    struct Registered(bool);
    impl Drop for Registered {
        fn drop(&mut self) {
            if self.0 {
                // SAFETY: the thread was registered by `rte_thread_register`.
                unsafe { sys::rte_thread_unregister() };
            }
        }
    }
    // Without a number from EAL (there are 128) all works, slower. The main thread has one: registering it again fails, and leaves it alone.
    thread_local! {
        // SAFETY: EAL runs, since a port is open.
        static REGISTERED: Registered = Registered(unsafe { sys::rte_thread_register() } == 0);
    }
    let _ = REGISTERED.try_with(|_| ());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Memory {
        Memory {
            without_huge_pages: false,
            preallocate: None,
            warning: None,
        }
    }

    fn line(config: &DpdkConfig, devices: &[&str], memory: &Memory) -> String {
        let devices: Vec<Device> = devices
            .iter()
            .map(|name| Device::parse(name).unwrap())
            .collect();
        arguments(config, &devices, memory).join(" ")
    }

    #[test]
    fn virtual_devices_leave_the_hosts_nics_alone() {
        let config = DpdkConfig {
            cpus: vec![1, 3],
            ..DpdkConfig::default()
        };
        let line = line(&config, &["net_null0"], &memory());
        assert_eq!(
            line,
            "portreeve --no-telemetry --in-memory --lcores=0@(1,3) --no-pci --iova-mode=va"
        );
    }

    #[test]
    fn only_the_pci_devices_named_are_allowed() {
        let config = DpdkConfig {
            cpus: vec![0],
            ..DpdkConfig::default()
        };
        let line = line(&config, &["3b:00.0", "3b:00.1", "net_memif0"], &memory());
        assert!(
            line.ends_with("--single-file-segments --lcores=0@(0) -a 0000:3b:00.0 -a 0000:3b:00.1"),
            "{line}"
        );
    }

    #[test]
    fn arguments_given_replace_ours() {
        let extra = ["--huge-dir=/mnt/huge", "-m", "64", "-l", "2"]
            .map(str::to_owned)
            .to_vec();
        let config = DpdkConfig {
            extra,
            ..DpdkConfig::default()
        };
        let memory = Memory {
            preallocate: Some(512),
            ..memory()
        };
        assert_eq!(
            line(&config, &["net_null0"], &memory),
            "portreeve --no-telemetry --no-pci --iova-mode=va --huge-dir=/mnt/huge -m 64 -l 2"
        );
    }

    #[test]
    fn without_huge_pages_memory_is_taken_at_the_start() {
        let config = DpdkConfig {
            cpus: vec![0],
            ..DpdkConfig::default()
        };
        let memory = Memory {
            without_huge_pages: true,
            preallocate: Some(96),
            warning: None,
        };
        let line = line(&config, &["net_null0"], &memory);
        assert!(line.contains("--no-shconf --no-huge -m 96"), "{line}");
        assert!(!line.contains("in-memory"), "{line}");
    }
}
