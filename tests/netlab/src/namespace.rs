//! Network namespaces and what is in them.

use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// A network namespace of its own, gone when nothing holds it any more.
pub struct Namespace {
    handle: File,
}

fn join(handle: RawFd) -> std::io::Result<()> {
    // SAFETY: no memory is passed.
    if unsafe { libc::setns(handle, libc::CLONE_NEWNET) } == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}

impl Namespace {
    /// Makes a namespace, silent: loopback up, IPv6 off for every interface to come.
    ///
    /// # Panics
    /// Not permitted.
    #[must_use]
    pub fn new() -> Namespace {
        let handle = std::thread::spawn(|| {
            // SAFETY: no memory is passed; the thread ends soon and takes nobody else along.
            let result = unsafe { libc::unshare(libc::CLONE_NEWNET) };
            assert!(result == 0, "unshare: {}", std::io::Error::last_os_error());
            File::open("/proc/thread-self/ns/net").expect("open the new namespace")
        })
        .join()
        .expect("make a namespace");
        let namespace = Namespace { handle };
        namespace.run(|| {
            for scope in ["all", "default"] {
                let path = format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6");
                // Absent where the kernel has no IPv6.
                let _ = std::fs::write(path, "1");
            }
        });
        namespace.ip("link set lo up");
        namespace
    }

    /// Runs `work` on a thread that is in the namespace, and so are the sockets it opens and the children it starts.
    ///
    /// # Panics
    /// If `work` does.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let handle = self.handle.as_raw_fd();
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                join(handle).expect("join the namespace");
                work()
            });
            match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// A program that will be started in the namespace.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let handle = self.handle.as_raw_fd();
        let mut command = Command::new(program);
        // SAFETY: setns is one system call, which may be made between fork and exec.
        unsafe { command.pre_exec(move || join(handle)) };
        command
    }

    /// Runs `ip` (iproute2) with these arguments, separated by spaces, in the namespace.
    ///
    /// # Panics
    /// If it fails.
    pub fn ip(&self, arguments: &str) {
        let output = self
            .command("ip")
            .args(arguments.split_whitespace())
            .output()
            .expect("start ip (package iproute2)");
        assert!(
            output.status.success(),
            "ip {arguments}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Namespace::new()
    }
}

/// A namespace with a veth pair: what goes into [`Lab::TX`] comes out of [`Lab::RX`], and nobody else speaks.
pub struct Lab {
    namespace: Namespace,
}

impl Lab {
    /// The end to send on.
    pub const TX: &'static str = "tx0";
    /// The end to capture on.
    pub const RX: &'static str = "rx0";

    /// A pair with the usual MTU of 1500 bytes.
    #[must_use]
    pub fn new() -> Lab {
        Lab::with_mtu(1500)
    }

    /// A pair with this MTU.
    #[must_use]
    pub fn with_mtu(mtu: u32) -> Lab {
        let namespace = Namespace::new();
        namespace.ip(&format!(
            "link add {} mtu {mtu} type veth peer name {} mtu {mtu}",
            Lab::TX,
            Lab::RX
        ));
        for end in [Lab::TX, Lab::RX] {
            namespace.ip(&format!("link set dev {end} arp off addrgenmode none"));
        }
        for end in [Lab::TX, Lab::RX] {
            namespace.ip(&format!("link set dev {end} up"));
        }
        let lab = Lab { namespace };
        lab.wait_for_carrier();
        lab
    }

    /// Waits until both ends have a carrier: what is sent before that, the kernel drops unsaid.
    ///
    /// # Panics
    /// Not within five seconds.
    pub fn wait_for_carrier(&self) {
        for end in [Lab::TX, Lab::RX] {
            let up = (0..500).any(|_| {
                let is_up = self
                    .namespace
                    .command("ip")
                    .args(["-oneline", "link", "show", "dev", end])
                    .output()
                    .is_ok_and(|output| {
                        String::from_utf8_lossy(&output.stdout).contains("state UP")
                    });
                if !is_up {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
                is_up
            });
            assert!(up, "{end} has no carrier");
        }
    }

    /// The namespace both ends are in.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// [`Namespace::run`].
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.namespace.run(work)
    }
}

impl Default for Lab {
    fn default() -> Self {
        Lab::new()
    }
}
