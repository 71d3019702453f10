//! The kernel-bypass tests: `make test-bypass`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use portreeve_bypass::fault::{About, Outcome, fail};
use portreeve_bypass::initramfs;
use portreeve_bypass::machine::{Design, Machine};
use portreeve_bypass::nic::{Cable, Model, Nic};
use portreeve_bypass::parts::Parts;
use portreeve_bypass::steps::{kernel, step};

#[allow(clippy::print_stdout)]
fn main() -> ExitCode {
    let begun = Instant::now();
    match all() {
        Ok(()) => {
            println!(
                "bypass: everything holds, in {} s",
                begun.elapsed().as_secs()
            );
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn all() -> Outcome<()> {
    let Some(folder) = std::env::var_os("PORTREEVE_GUEST_PARTS") else {
        return fail(
            "PORTREEVE_GUEST_PARTS does not name the guest's parts; run: make test-bypass",
        );
    };
    let folder = PathBuf::from(folder);
    let parts = Parts::find(&folder)?;
    let image = folder.join("initramfs");
    let portreeve = portreeve_tests::binary::portreeve();
    step("the guest's file system", || {
        let archive = initramfs::build(&parts, portreeve)?;
        std::fs::write(&image, archive).about(image.display())
    })?;
    first(&parts, &image)
}

/// Everything that one boot can show.
fn first(parts: &Parts, image: &Path) -> Outcome<()> {
    let design = Design {
        nics: vec![
            Nic::new(Model::Virtio, "virtio", 3, Cable::Socket),
            Nic::new(Model::Vmxnet3, "vmxnet3", 4, Cable::Socket),
            Nic::new(Model::E1000, "e1000", 5, Cable::Socket),
            Nic::new(Model::E1000e, "e1000e", 6, Cable::Socket),
        ],
        memory: 4096,
        gigabyte_pages: 1,
    };
    let mut machine = step("boot", || Machine::boot(parts, image, &design))?;
    for name in ["virtio", "vmxnet3", "e1000", "e1000e"] {
        step(
            &format!("{name} by its kernel driver: every packet is counted"),
            || kernel::counts(&mut machine, name),
        )?;
    }
    machine.end();
    Ok(())
}
