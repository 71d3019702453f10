//! What is in force: the configuration file, `--set` and the flags, laid over each other.

use std::path::PathBuf;

use portreeve_capture::filter;

use crate::alerts;
use crate::args::Args;
use crate::config::values::{ByteSize, Checksums, Setting};
use crate::config::{self, Config, Layers, Origin, Places, keys};
use crate::engine_config;
use crate::exit::Failure;
use crate::input::split_words;

/// The effective configuration and what it was made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The configuration in force.
    pub config: Config,
    /// What was set, and where.
    pub layers: Layers,
    /// The file that was read, if one was.
    pub file: Option<PathBuf>,
}

impl Settings {
    /// Reads the file and lays `--set` and the flags over it.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(args: &Args, places: &Places) -> Result<Settings, Failure> {
        let (mut layers, file) = config::read_file(args.run.config.as_deref(), places)?;
        for assignment in &args.run.set {
            layers.set(assignment)?;
        }
        lay_flags(args, &mut layers)?;
        let config = Config::from_layers(&layers)?;
        let mode = engine_config::mode(config.engine.mode);
        engine_config::scheduling(&config)
            .allows(mode)
            .map_err(Failure::usage)?;
        alerts::target(&config).map_err(|error| Failure::usage(format!("alerts: {error}")))?;
        Ok(Settings {
            config,
            layers,
            file,
        })
    }

    /// What `--check` prints.
    #[must_use]
    pub fn report(&self) -> String {
        let file = self.file.as_ref().map_or_else(
            || "no configuration file".to_owned(),
            |path| path.display().to_string(),
        );
        format!(
            "# The configuration is right. In force ({file}, --set, flags):\n{}",
            config::reference::effective(&self.layers)
        )
    }
}

/// The sensor's name: as configured, or the host's.
#[must_use]
pub fn sensor(config: &Config) -> String {
    config.general.sensor.clone().unwrap_or_else(host_name)
}

/// The host's name.
#[must_use]
pub fn host_name() -> String {
    nix::unistd::gethostname().map_or_else(
        |_| "localhost".into(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// The keys that a reload found changed, with the old and the new value, and what comes of it; those that take a restart each time until there is one.
/// `waiting`: keys that are live, but not in this run as it is.
#[must_use]
pub fn changes(
    started: &Layers,
    before: &Settings,
    now: &Settings,
    waiting: &[&str],
) -> Vec<String> {
    keys::keys()
        .filter_map(|key| {
            let live = key.live && !waiting.contains(&key.name);
            let before = if live { &before.layers } else { started };
            (before.value(key) != now.layers.value(key)).then(|| {
                let (old, new) = (before.shown(key), now.layers.shown(key));
                let when = if live {
                    "in force now".to_owned()
                } else {
                    format!("takes a restart, {old} stays in force")
                };
                format!("{}: {old} -> {new}: {when}", key.name)
            })
        })
        .collect()
}

/// Lays the flags that stand for keys over the rest.
fn lay_flags(args: &Args, layers: &mut Layers) -> Result<(), Failure> {
    let mut put = |name: &str, flag: &'static str, value: Option<toml::Value>| {
        if let Some(value) = value {
            layers.put(name, value, Origin::Flag(flag));
        }
    };
    let input = &args.input;
    let interfaces: Vec<String> = input.interfaces.iter().map(ToString::to_string).collect();
    put(
        "capture.interfaces",
        "-i",
        (!interfaces.is_empty()).then(|| interfaces.to_toml()),
    );
    let (_, expression) = split_words(&input.expression, !input.read.is_empty());
    if !expression.is_empty() {
        // Words behind the flags can be files as well, so that only now it is known that these are none.
        let twice = [
            (input.filter.is_some(), "-f"),
            (input.filter_file.is_some(), "-F"),
        ];
        if let Some((_, flag)) = twice.into_iter().find(|(given, _)| *given) {
            return Err(Failure::usage(format!(
                "{flag} is a filter, and so is \"{expression}\": give one of them"
            )));
        }
        put("capture.filter", "EXPRESSION", Some(expression.to_toml()));
    }
    put(
        "capture.filter",
        "-f",
        input.filter.as_ref().map(Setting::to_toml),
    );
    if let Some(path) = &input.filter_file {
        let text = filter::expression_from_file(path).map_err(Failure::capture)?;
        put("capture.filter", "-F", Some(text.to_toml()));
    }
    // tcpdump: a snap length of 0 is the default one.
    put(
        "capture.snaplen",
        "-s",
        input
            .snaplen
            .filter(|bytes| *bytes > 0)
            .map(|bytes| bytes.to_toml()),
    );
    put(
        "afpacket.ring",
        "-B",
        input
            .buffer_size
            .map(|kib| ByteSize::<0>(u64::from(kib) << 10).to_toml()),
    );
    put(
        "capture.promiscuous",
        "-p",
        input.no_promiscuous.then(|| false.to_toml()),
    );
    put(
        "capture.direction",
        "-Q",
        input.direction.map(|direction| direction.to_toml()),
    );
    put(
        "capture.checksums",
        "--checksums",
        input.checksums.then(|| Checksums::On.to_toml()),
    );
    put(
        "capture.checksums",
        "--no-checksums",
        input.no_checksums.then(|| Checksums::Off.to_toml()),
    );

    let output = &args.output;
    let words = |word: &str| Some(toml::Value::String(word.to_owned()));
    put(
        "output.format",
        "--json",
        words("zeek-json").filter(|_| output.json),
    );
    put(
        "output.format",
        "--tsv",
        words("zeek-tsv").filter(|_| output.tsv),
    );
    put(
        "output.format",
        "--format",
        output.format.map(|format| format.to_toml()),
    );
    put(
        "output.log_dir",
        "--log-dir",
        output.log_dir.as_ref().map(Setting::to_toml),
    );

    let run = &args.run;
    put(
        "engine.workers",
        "--workers",
        run.workers.map(|workers| workers.to_toml()),
    );
    put(
        "engine.cpus",
        "--cpus",
        run.cpus.as_ref().map(Setting::to_toml),
    );
    put(
        "engine.scheduling",
        "--scheduling",
        run.scheduling.map(|policy| policy.to_toml()),
    );
    put("engine.mode", "--mode", run.mode.map(|mode| mode.to_toml()));
    put(
        "engine.memory",
        "--memory",
        run.memory.map(|memory| memory.to_toml()),
    );
    put(
        "local_nets",
        "--local-nets",
        (!run.local_nets.is_empty()).then(|| run.local_nets.to_toml()),
    );
    put(
        "sensor",
        "--sensor",
        run.sensor.as_ref().map(Setting::to_toml),
    );
    put(
        "process.user",
        "--user",
        run.user.as_ref().map(Setting::to_toml),
    );
    Ok(())
}
