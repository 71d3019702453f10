//! Finds libpcap, whose compiler turns filter expressions into programs.

use std::path::Path;
use std::process::Command;

/// Where distributions keep it, if `pkg-config` is not there to say.
const FOLDERS: &[&str] = &[
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/arm-linux-gnueabihf",
    "/usr/lib/riscv64-linux-gnu",
    "/usr/lib/powerpc64le-linux-gnu",
    "/usr/lib/s390x-linux-gnu",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBPCAP_LIBDIR");
    if let Some(folder) = std::env::var_os("LIBPCAP_LIBDIR") {
        println!(
            "cargo:rustc-link-search=native={}",
            Path::new(&folder).display()
        );
    } else if !known_to_pkg_config() && !FOLDERS.iter().any(holds_libpcap) {
        eprintln!(
            "libpcap was not found. It compiles the filter expressions. Install its development package:\n\
             \n    Debian, Ubuntu:  sudo apt-get install libpcap-dev\
             \n    Fedora, RHEL:    sudo dnf install libpcap-devel\
             \n    Arch:            sudo pacman -S libpcap\n\
             \nor say where it is: LIBPCAP_LIBDIR=/folder/of/libpcap.so"
        );
        std::process::exit(1);
    }
    println!("cargo:rustc-link-lib=dylib=pcap");
}

fn known_to_pkg_config() -> bool {
    Command::new("pkg-config")
        .args(["--exists", "libpcap"])
        .status()
        .is_ok_and(|status| status.success())
}

fn holds_libpcap(folder: &&str) -> bool {
    Path::new(folder).join("libpcap.so").exists()
}
