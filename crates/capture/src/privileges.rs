//! Giving up what is not needed any more.
//!
//! Opening a packet socket takes `CAP_NET_RAW`, promiscuous mode `CAP_NET_ADMIN`, a counting filter `CAP_BPF`. Reading the ring takes
//! nothing. So once the sources are open, [`drop_all_but_needed`] gives up every capability, for good: parsers of hostile
//! input should not run with any.
//!
//! Files are reopened afterwards (rotation, HUP, USR1) with the rights that the user has by the files' modes alone.

use std::ffi::{CString, c_int, c_ulong};
use std::io;
use std::path::PathBuf;

use crate::error::CaptureError;

/// Names by number, as in linux/capability.h.
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// What was given up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// The capabilities that the thread had.
    pub capabilities: Vec<String>,
    /// The user it became.
    pub user: Option<String>,
    /// The right to read and write the files of others was kept ([`drop_all_but_files`]).
    pub keeps_files: bool,
    /// Whether programs started from here on can get none of it back (bounding set empty, `no_new_privs`).
    pub for_good: bool,
    /// Threads that were running already and keep their capabilities: 0 if this was called in time. (They do change their user.)
    pub other_threads: usize,
}

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.capabilities.len() {
            0 => f.write_str("no privileges to give up")?,
            count if count >= NAMES.len() - 4 => write!(f, "gave up {count} capabilities")?,
            _ => write!(f, "gave up {}", self.capabilities.join(", "))?,
        }
        if let Some(user) = &self.user {
            write!(f, ", became {user}")?;
        }
        if self.keeps_files {
            f.write_str(", kept the right to read and write files")?;
        }
        if self.other_threads > 0 {
            write!(
                f,
                "; {} threads that ran already keep theirs",
                self.other_threads
            )?;
        }
        Ok(())
    }
}

/// The command that lets the running program capture without being root.
#[must_use]
pub fn grant_line() -> String {
    grant_line_with(&[])
}

/// The same, with further capabilities.
#[must_use]
pub fn grant_line_with(further: &[&str]) -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("portreeve"));
    let mut capabilities = "cap_net_raw,cap_net_admin".to_owned();
    for capability in further {
        capabilities.push(',');
        capabilities.push_str(capability);
    }
    format!("sudo setcap {capabilities}=eip {}", program.display())
}

/// Gives up every capability of the calling thread and of those it starts from here on; with `user`, which takes being
/// root, becomes that user and its groups first. Call it when the sources are open and no worker runs yet.
///
/// # Errors
/// There is no such user, or the kernel refused: then the privileges are not, or not all, given up.
pub fn drop_all_but_needed(user: Option<&str>) -> Result<Dropped, CaptureError> {
    drop_all_but(user, 0)
}

/// The same, but who is root and stays root keeps the right to read and write files that belong to others: for runs that open
/// files later, in folders that root was told of and does not own (a user's, under sudo).
///
/// # Errors
/// As [`drop_all_but_needed`].
pub fn drop_all_but_files(user: Option<&str>) -> Result<Dropped, CaptureError> {
    const DAC_OVERRIDE: u64 = 1 << 1;
    const DAC_READ_SEARCH: u64 = 1 << 2;
    // SAFETY: no memory is passed, and it cannot fail.
    let stays_root = user.is_none() && unsafe { libc::geteuid() } == 0;
    drop_all_but(
        user,
        if stays_root {
            DAC_OVERRIDE | DAC_READ_SEARCH
        } else {
            0
        },
    )
}

/// Gives up every capability of the calling thread and of those that it starts, and no other's: for a thread of our own that runs already
/// when the rest still has something to open. That it may fail (it had none) is of no consequence.
#[allow(dead_code, reason = "used by the sources that have such a thread")]
pub(crate) fn drop_of_this_thread() {
    let _ = set(0);
}

fn drop_all_but(user: Option<&str>, kept: u64) -> Result<Dropped, CaptureError> {
    let capabilities = permitted().map_err(failed("read the capabilities"))?;
    let kept = kept & capabilities;
    let mut dropped = Dropped {
        keeps_files: kept != 0,
        capabilities: (0..64)
            .filter(|number| (capabilities & !kept) >> number & 1 == 1)
            .map(name)
            .collect(),
        other_threads: other_threads(),
        ..Dropped::default()
    };
    let account = user.map(find_user).transpose()?;
    // In this order: shrinking the bounding set takes cap_setpcap, changing the user cap_setuid.
    let bounded = empty_bounding_set();
    // SAFETY: no memory is passed. Kernels before 4.3 have no ambient set: nothing to empty.
    unsafe {
        libc::prctl(
            libc::PR_CAP_AMBIENT,
            libc::PR_CAP_AMBIENT_CLEAR_ALL as c_ulong,
            0 as c_ulong,
            0 as c_ulong,
            0 as c_ulong,
        );
    }
    if let Some(account) = account {
        become_user(&account).map_err(failed(&format!("become user {}", account.name)))?;
        dropped.user = Some(account.name);
    }
    set(kept).map_err(failed("give up the capabilities"))?;
    // SAFETY: no memory is passed.
    let locked = unsafe {
        libc::prctl(
            libc::PR_SET_NO_NEW_PRIVS,
            1 as c_ulong,
            0 as c_ulong,
            0 as c_ulong,
            0 as c_ulong,
        )
    } == 0;
    dropped.for_good = locked || bounded;
    Ok(dropped)
}

fn failed(what: &str) -> impl Fn(io::Error) -> CaptureError {
    let what = what.to_owned();
    move |error| CaptureError::System {
        what: what.clone(),
        error,
    }
}

fn name(number: usize) -> String {
    match NAMES.get(number) {
        Some(name) => (*name).to_owned(),
        None => format!("cap_{number}"),
    }
}

/// `struct __user_cap_header_struct`.
#[repr(C)]
struct Header {
    version: u32,
    thread: c_int,
}

/// `struct __user_cap_data_struct`, of which version 3 has two.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

const VERSION_3: u32 = 0x2008_0522;

/// The calling thread's permitted capabilities, one bit each.
fn permitted() -> io::Result<u64> {
    let mut header = Header {
        version: VERSION_3,
        thread: 0,
    };
    let mut sets = [Sets::default(); 2];
    // SAFETY: version 3 writes two structures, and both are there for the call.
    let result = unsafe { libc::syscall(libc::SYS_capget, &mut header, sets.as_mut_ptr()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u64::from(sets[0].permitted) | u64::from(sets[1].permitted) << 32)
}

/// Leaves the calling thread with these capabilities and no others.
fn set(kept: u64) -> io::Result<()> {
    let mut header = Header {
        version: VERSION_3,
        thread: 0,
    };
    let half = |bits: u32| Sets {
        effective: bits,
        permitted: bits,
        inheritable: 0,
    };
    let sets = [half(kept as u32), half((kept >> 32) as u32)];
    // SAFETY: version 3 reads two structures, and both are there for the call.
    let result = unsafe { libc::syscall(libc::SYS_capset, &mut header, sets.as_ptr()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Takes everything out of the bounding set; `false` if that is not permitted.
fn empty_bounding_set() -> bool {
    let mut all = true;
    for number in 0..64 as c_ulong {
        // SAFETY: no memory is passed.
        let there = unsafe { libc::prctl(libc::PR_CAPBSET_READ, number, 0, 0, 0) };
        if there < 0 {
            // Behind the last one that the kernel knows.
            break;
        }
        // SAFETY: as before.
        if there == 1 && unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) } != 0 {
            all = false;
        }
    }
    all
}

/// An entry of the user database.
struct Account {
    name: String,
    user: libc::uid_t,
    group: libc::gid_t,
}

fn find_user(name: &str) -> Result<Account, CaptureError> {
    let unknown = || CaptureError::System {
        what: format!("find user {name}"),
        error: io::Error::new(io::ErrorKind::NotFound, "there is no such user"),
    };
    let text = CString::new(name).map_err(|_| unknown())?;
    let mut buffer = vec![0 as libc::c_char; 16 << 10];
    // SAFETY: an all-zero passwd is a valid value.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    // SAFETY: name, entry and buffer are there for the call, and the buffer's length is given.
    let result = unsafe {
        libc::getpwnam_r(
            text.as_ptr(),
            &mut entry,
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut found,
        )
    };
    if result != 0 {
        return Err(failed(&format!("find user {name}"))(
            io::Error::from_raw_os_error(result),
        ));
    }
    if found.is_null() {
        return Err(unknown());
    }
    Ok(Account {
        name: name.to_owned(),
        user: entry.pw_uid,
        group: entry.pw_gid,
    })
}

/// Becomes the user, with its groups, in all threads.
fn become_user(account: &Account) -> io::Result<()> {
    let check = |result: c_int| match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    };
    // SAFETY: no memory is passed.
    if unsafe { libc::geteuid() } == account.user {
        return Ok(());
    }
    let name = CString::new(account.name.as_str()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the name ends with a zero byte and is there for the call.
    check(unsafe { libc::initgroups(name.as_ptr(), account.group) })?;
    // SAFETY: no memory is passed.
    check(unsafe { libc::setresgid(account.group, account.group, account.group) })?;
    // SAFETY: no memory is passed.
    check(unsafe { libc::setresuid(account.user, account.user, account.user) })
}

/// How many threads there are besides the caller.
fn other_threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, |tasks| tasks.count().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_that_is_not_there_is_an_error() {
        let error = find_user("no-such-user-here").err().expect("unknown");
        assert!(error.to_string().contains("no-such-user-here"));
        assert_eq!(find_user("root").expect("always there").user, 0);
    }

    #[test]
    fn what_was_given_up_is_said() {
        let mut dropped = Dropped {
            capabilities: vec![name(12), name(13)],
            user: Some("nobody".into()),
            ..Dropped::default()
        };
        assert_eq!(
            dropped.to_string(),
            "gave up cap_net_admin, cap_net_raw, became nobody"
        );
        dropped.capabilities.clear();
        dropped.user = None;
        assert_eq!(dropped.to_string(), "no privileges to give up");
    }
}
