//! Whether a start or a reload would take a configuration: what its values name has to be there, and to be what it should.
//!
//! Nothing is opened for good, made or changed. What only the moment decides (a port that is taken, an interface that comes later) is not looked at.

use portreeve_engine::placement;
use portreeve_packet::LinkType;
use portreeve_web::Listener;

use crate::config::Config;
use crate::config::values::CpuList;
use crate::engine_config;
use crate::exit::Failure;
use crate::facts::Facts;
use crate::input;
use crate::outputs;
use crate::web;

/// All of it, for `--check`.
///
/// # Errors
/// Everything that is wrong, as wrong usage: not only the first.
pub fn everything(config: &Config) -> Result<(), Failure> {
    let found = [
        filter(config),
        processors(config),
        user(config),
        outputs::known_logs(config),
        names(config),
        serving(config),
    ];
    Failure::all(found)
}

/// What a reload puts in force only when other things are in force already. (Of a database that cannot be read the one before stays, with a warning.)
///
/// # Errors
/// What is wrong.
pub fn reloaded(config: &Config) -> Result<(), Failure> {
    serving(config)
}

fn filter(config: &Config) -> Result<(), Failure> {
    let found = input::new_filter(config, &[LinkType::Ethernet]).map(drop);
    found.map_err(|failure| failure.within("capture.filter"))
}

/// Whether this process may use the processors that are named.
///
/// # Errors
/// It may not use one of them.
pub fn processors(config: &Config) -> Result<(), Failure> {
    let Some(wanted) = &config.engine.cpus else {
        return Ok(());
    };
    let topology = placement::topology();
    // Isolated ones are outside of what a process has unless it asks, as we do.
    let usable = topology
        .cpus
        .iter()
        .filter(|cpu| cpu.allowed || cpu.isolated);
    let usable: Vec<u16> = usable
        .filter_map(|cpu| u16::try_from(cpu.id).ok())
        .collect();
    let wanted = wanted.0.iter();
    let not: Vec<u16> = wanted
        .filter(|cpu| !usable.contains(cpu))
        .copied()
        .collect();
    if not.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "engine.cpus: this process may not use {}, or there is no such processor; it may use {}",
        CpuList(not),
        CpuList(usable)
    )))
}

fn user(config: &Config) -> Result<(), Failure> {
    let Some(name) = &config.process.user else {
        return Ok(());
    };
    match nix::unistd::User::from_name(name) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(Failure::usage(format!(
            "process.user: there is no user {name}"
        ))),
        Err(error) => Err(Failure::failed(format!("process.user: {name}: {error}"))),
    }
}

/// Files that name things: products, countries, autonomous systems.
fn names(config: &Config) -> Result<(), Failure> {
    let products = if config.app.enabled {
        engine_config::products(config).map(drop)
    } else {
        Ok(())
    };
    Failure::all([products, Facts::new(config, None).map(drop)])
}

/// Users, files of TLS, and whether everything would be shown to everybody.
fn serving(config: &Config) -> Result<(), Failure> {
    match web::settings(config)? {
        Some(settings) => Listener::check(&settings).map_err(Failure::from),
        None => Ok(()),
    }
}
