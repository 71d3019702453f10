//! Finds libdpdk, compiles the C file and makes the binding.

use std::env;
use std::path::PathBuf;
use std::process::{Command, exit};

/// The oldest release whose interface this is.
const OLDEST: &str = "22.11";

/// The libraries that are called; drivers are loaded when the program runs.
const LIBRARIES: [&str; 4] = ["rte_ethdev", "rte_mbuf", "rte_mempool", "rte_eal"];

/// Functions that have had the same signature in every release since, and are not static inline.
const FUNCTIONS: &str = "rte_eal_(init|cleanup)|rte_thread_(register|unregister)|rte_strerror|rte_dev_probe|\
    rte_log_set_global_level|rte_get_tsc_hz|rte_eal_iova_mode|\
    rte_pktmbuf_(pool_create|free_bulk)|rte_mempool_(free|avail_count|lookup)|rte_mbuf_dyn_rx_timestamp_register|\
    rte_eth_dev_(start|stop|close|is_valid_port|adjust_nb_rx_tx_desc|rx_intr_(enable|disable|ctl_q))|\
    rte_eth_(promiscuous|allmulticast)_enable|rte_eth_read_clock|rte_eth_stats_reset|rte_eth_[rt]x_queue_setup|\
    rte_eth_xstats_get_(id_by_name|by_id)|pr_.*";

fn main() {
    for file in ["build.rs", "src/shim.c", "src/shim.h"] {
        println!("cargo:rerun-if-changed={file}");
    }
    for variable in ["PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR", "LIBCLANG_PATH"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    let known = ["--exists", "--print-errors"];
    let at_least = format!("libdpdk >= {OLDEST}");
    if pkg_config(&[&known[..], &[&at_least]].concat()).is_none() {
        missing("libdpdk", OLDEST);
    }
    let flags = pkg_config(&["--cflags", "libdpdk"]).unwrap_or_default();
    if let Some(folder) =
        pkg_config(&["--variable=libdir", "libdpdk"]).and_then(|mut all| all.pop())
    {
        println!("cargo:rustc-link-search=native={folder}");
    }

    let mut shim = cc::Build::new();
    shim.file("src/shim.c").opt_level(3).warnings(false);
    flags.iter().for_each(|flag| {
        shim.flag(flag);
    });
    shim.compile("portreeve_dpdk_shim");
    // In front of them: the shim calls them.
    for library in LIBRARIES {
        println!("cargo:rustc-link-lib=dylib={library}");
    }

    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    if let Err(why) = bind(&flags, &out.join("binding.rs")) {
        eprintln!("{why}");
        missing("libclang", "any release");
    }
}

fn bind(flags: &[String], to: &std::path::Path) -> Result<(), String> {
    let made = std::panic::catch_unwind(|| {
        bindgen::Builder::default()
            .header("src/shim.h")
            .header_contents(
                "also.h",
                "#include <rte_eal.h>\n#include <rte_dev.h>\n#include <rte_errno.h>\n#include <rte_lcore.h>\n#include <rte_mbuf_dyn.h>\n",
            )
            .clang_args(flags)
            .allowlist_function(FUNCTIONS)
            .allowlist_type("pr_.*")
            // Their fields are read in C, or at offsets that C computed: no shape of theirs is relied on.
            .opaque_type("rte_.*")
            .derive_default(true)
            .prepend_enum_name(false)
            .layout_tests(false)
            .generate_comments(false)
            .formatter(bindgen::Formatter::None)
            .generate()
    });
    match made {
        Ok(Ok(binding)) => binding.write_to_file(to).map_err(|error| error.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the binding could not be made".into()),
    }
}

/// The words that pkg-config answers.
fn pkg_config(arguments: &[&str]) -> Option<Vec<String>> {
    let program = env::var_os("PKG_CONFIG").unwrap_or_else(|| "pkg-config".into());
    let output = Command::new(program).args(arguments).output().ok()?;
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    let words = String::from_utf8_lossy(&output.stdout);
    Some(words.split_whitespace().map(str::to_owned).collect())
}

fn missing(what: &str, version: &str) -> ! {
    eprintln!(
        "{what} ({version} or newer) was not found. It is needed to capture by DPDK. Install the development packages:\n\
         \n    Debian, Ubuntu:  sudo apt-get install libdpdk-dev libclang-dev pkg-config\
         \n    Fedora, RHEL:    sudo dnf install dpdk-devel clang-devel pkgconf\
         \n    Arch:            sudo pacman -S dpdk clang pkgconf\n\
         \nor build without DPDK: cargo build --release -p portreeve --no-default-features"
    );
    exit(1);
}
