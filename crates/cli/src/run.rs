//! A run: everything is opened and started, watched while it goes on, and ended in order.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use portreeve_capture::privileges;
use portreeve_capture::write::CaptureWriter;
use portreeve_engine::control::{self, Control, Request, Topic};
use portreeve_engine::placement::{self, Layout};
use portreeve_engine::strategy::be_ordinary;
use portreeve_engine::{Ledger, LiveSettings, Monitor, NewFilter, Scheduling, Snapshot, Waiting};
use portreeve_live::Live;
use portreeve_packet::LinkType;
use portreeve_record::RecordContext;
use portreeve_web::Server;
use serde_json::{Value, json};

use crate::alerts::Alerts;
use crate::args::Args;
use crate::check;
use crate::config::{Layers, Places};
use crate::engine_config::{self, engine_config, live_settings};
use crate::exit::{FAILED, Failure, LOST};
use crate::facts::Facts;
use crate::input::{self, Opened};
use crate::live::{self, Beat};
use crate::outputs::{Ended, Outputs, Planned, is_shown_only};
use crate::say::{Level, Voice};
use crate::screen::{Action, Eye};
use crate::service::Manager;
use crate::service::progress::Progress;
use crate::settings::{self, Settings};
use crate::show::{Circumstances, Kind, Plan, Show};
use crate::signals::{self, Asked};
use crate::summary::Sums;
use crate::{ledger, packet_writer, report, socket, web};

/// The longest the main loop sleeps.
const TICK: Duration = Duration::from_millis(100);
/// What outputs get to write what is queued, once the run was asked to end.
const DRAIN: Duration = Duration::from_secs(10);
/// What an output gets whose reader is slow, while nobody asked for an end: a file loses nothing.
const PATIENCE: Duration = Duration::from_secs(86_400 * 365);

/// The monitor, shared with the control socket's threads; taken out at the end.
type Shared = Arc<Mutex<Option<Monitor>>>;

/// A run that goes on.
struct Run<'a> {
    args: &'a Args,
    places: &'a Places,
    /// As the run began: what takes a restart is in force by these.
    started: Layers,
    /// As last read.
    settings: Settings,
    /// What the frames of the sources begin with.
    links: Vec<LinkType>,
    /// The filter that a reload brought; `None`: that of the start.
    filter: Option<NewFilter>,
    voice: Voice,
    show: Show,
    monitor: Shared,
    outputs: Outputs,
    /// The last minutes, where packets are live.
    live: Option<Live>,
    beat: Option<Beat>,
    facts: Facts,
    /// The dashboard's server.
    web: Option<Server>,
    /// Where it is, once it serves.
    dashboard: Arc<OnceLock<String>>,
    writer: Option<packet_writer::Handle>,
    outputs_status: Arc<Mutex<Value>>,
    manager: Manager,
    progress: Progress,
    /// `None`: a file is read.
    alerts: Option<Alerts>,
    alerts_status: Arc<Mutex<Value>>,
    asked: Receiver<Asked>,
    /// When the end was asked for.
    ending: Option<Instant>,
    /// A source failed.
    failed: bool,
}

/// Watches, until the sources end or somebody ends it.
///
/// # Errors
/// What could not be opened or started, with what to type next.
pub fn watch(args: &Args, settings: Settings, places: &Places) -> Result<ExitCode, Failure> {
    let packets = packet_writer::options(&args.output)?;
    let config = settings.config.clone();
    let user = config.process.user.as_deref();
    if let Some(name) = user.filter(|_| !nix::unistd::geteuid().is_root()) {
        return Err(Failure::usage(format!(
            "only root can become {name}; leave --user out, or start with sudo"
        )));
    }
    check::processors(&config)?;
    // Before a source or its library moves this thread to some core.
    let topology = placement::topology();
    let opened = input::open(args, &settings)?;
    let at = Circumstances::here(
        args.output.quiet,
        opened.live,
        packets.is_some(),
        places.is_service(),
    );
    let plan = Plan::new(&config, &settings.layers, &at);
    let summary = !opened.live && matches!(plan.kind, Kind::Screen | Kind::Lines);
    let stdout_taken = packets.as_ref().is_some_and(packet_writer::is_stdout);
    if stdout_taken && plan.records {
        return Err(Failure::usage(
            "standard output takes packets (-w -) or records, not both",
        ));
    }
    // Workers inherit it from this thread, which goes back to normal once they run: by then it has no privilege to give it.
    let scheduling = engine_config::scheduling(&config);
    if opened.live {
        scheduling.take().map_err(Failure::capture)?;
    }
    let web = web::Planned::new(&settings, opened.live)?;
    let dropped = privileges::drop_all_but_files(user).map_err(Failure::capture)?;
    // Files are opened as the user we have become.
    let mut planned = Planned::new(&config, plan.records, summary)?;
    let is_looked_at = opened.live || plan.kind == Kind::Screen;
    let looks = is_looked_at.then(|| Live::new(portreeve_live::LiveSettings::default()));
    looks.iter().for_each(|looks| planned.show(looks));
    let packets_note = packets
        .as_ref()
        .map(|o| format!("packets: to {}", o.path.display()));
    let writer = packets
        .map(CaptureWriter::new)
        .transpose()
        .map_err(Failure::capture)?;

    let (asker, asked) = signals::listen()?;
    let talkers = opened.live || matches!(plan.kind, Kind::Screen);
    let mut engine = engine_config(args, &config, &opened, talkers)?;
    let products = engine.applications.as_ref();
    let products = products.map(|applications| Arc::clone(&applications.products));
    let facts = Facts::new(&config, products)?;
    engine.outputs = planned.names();
    let shown = engine.outputs.iter().filter(|name| is_shown_only(name));
    engine.shown = shown.cloned().collect();
    engine.topology = Some(topology);
    engine.own_process = true;
    engine.packets = writer.is_some();
    let sensor = settings::sensor(&config);
    let names: Vec<String> = opened.infos.iter().map(|info| info.name.clone()).collect();
    let alerts = opened
        .live
        .then(|| Alerts::new(&config, sensor.clone(), &names));
    let about = web::about(&config, names.clone());
    let context = Arc::new(RecordContext::new(sensor, names));
    let (live, workers) = (opened.live, opened.workers);
    let links = opened.links.clone();
    let mut notes = opened.notes.clone();
    notes.extend(planned.notes.iter().cloned());
    notes.extend(packets_note);
    notes.push(format!("privileges: {dropped}"));
    notes.extend(web.note.clone());
    notes.extend(scheduling.note().filter(|_| live));
    let socket_path = socket_path(&settings, &opened, places);
    let monitor = Monitor::start(engine, opened.inputs).map_err(Failure::failed);
    be_ordinary();
    let mut monitor = monitor?;
    let feeds = monitor.take_feeds();
    let (records, sums) = (planned.on_stdout || stdout_taken, planned.sums.clone());
    let writer = match (writer, monitor.take_packets()) {
        (Some(writer), Some(feed)) => Some(packet_writer::start(writer, feed)?),
        _ => None,
    };
    let outputs = planned.start(feeds, &context, &facts)?;
    monitor.ask_outputs(outputs.losses());

    let mut run = Run {
        voice: Voice::new(args.output.quiet, args.output.verbose),
        show: Show::new(plan.kind, live),
        monitor: Arc::new(Mutex::new(Some(monitor))),
        outputs_status: Arc::new(Mutex::new(outputs.status())),
        outputs,
        beat: looks.clone().map(Beat::new),
        live: looks,
        facts,
        web: None,
        dashboard: Arc::default(),
        writer,
        manager: Manager::of_this_process(places.is_service()),
        progress: Progress::default(),
        alerts: alerts.transpose()?,
        alerts_status: Arc::default(),
        asked,
        ending: None,
        failed: false,
        args,
        places,
        started: settings.layers.clone(),
        settings,
        links,
        filter: None,
    };
    let control = run.listen(socket_path, asker, &mut notes)?;
    let watched = web::Run {
        monitor: Arc::clone(&run.monitor),
        outputs: Arc::clone(&run.outputs_status),
    };
    run.web = web.start(&config, about, watched, run.live.clone())?;
    if let Some(server) = &run.web {
        run.show.app.dashboard = Some(server.url().to_owned());
        // Set once: there is one server in a run.
        let _ = run.dashboard.set(server.url().to_owned());
    }
    let mut first = run.snapshot();
    // A worker's place is known once its thread runs, which is a moment from now.
    for _ in 0..10 {
        if !live || report::is_settled(&first) {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
        first = run.snapshot();
    }
    run.voice
        .say(Level::Usual, &report::start(&notes, workers, &first));
    let pages = run.settings.config.memory.huge_pages;
    let placement = first.layout.iter().flat_map(Layout::warnings);
    for warning in report::page_warnings(pages, &first)
        .into_iter()
        .chain(placement)
    {
        run.voice.say(Level::Usual, &format!("warning: {warning}"));
    }
    let in_force = run.settings.report();
    run.voice.say(Level::More, in_force.trim_end());
    run.go_on();
    drop(run.web.take());
    drop(control);
    run.end(records, sums.as_ref())
}

/// Where the control socket is to be: as configured, or named after the first interface; files have none unless it is configured.
fn socket_path(settings: &Settings, opened: &Opened, places: &Places) -> Option<(PathBuf, bool)> {
    if let Some(path) = &settings.config.process.control_socket {
        return Some((path.clone(), true));
    }
    let first = opened.infos.first().filter(|_| opened.live)?;
    Some((places.runtime.join(format!("{}.sock", first.name)), false))
}

impl Run<'_> {
    fn snapshot(&self) -> Snapshot {
        snapshot(&self.monitor).unwrap_or_default()
    }

    fn with<T>(&self, what: impl FnOnce(&Monitor) -> T) -> Option<T> {
        let monitor = self.monitor.lock().unwrap_or_else(PoisonError::into_inner);
        monitor.as_ref().map(what)
    }

    /// Opens the control socket. Where nobody named one, its absence is only told.
    fn listen(
        &self,
        path: Option<(PathBuf, bool)>,
        asker: Sender<Asked>,
        notes: &mut Vec<String>,
    ) -> Result<Option<Control>, Failure> {
        let Some((path, named)) = path else {
            return Ok(None);
        };
        let handler = handler(
            Arc::clone(&self.monitor),
            Arc::clone(&self.outputs_status),
            self.live.clone(),
            Told {
                alerts: Arc::clone(&self.alerts_status),
                dashboard: Arc::clone(&self.dashboard),
            },
            asker,
            engine_config::scheduling(&self.settings.config),
        );
        let folder = if named {
            Ok(())
        } else {
            socket::prepare(&self.places.runtime)
        };
        match folder.and_then(|()| Control::listen(&path, handler)) {
            Ok(control) => {
                notes.push(format!("control: {}", path.display()));
                Ok(Some(control))
            }
            Err(error) if named => Err(Failure::failed(format!(
                "control socket {}: {error}",
                path.display()
            ))),
            Err(error) => {
                notes.push(format!("control: none ({}: {error})", path.display()));
                Ok(None)
            }
        }
    }

    /// The main loop: until the monitor has finished.
    fn go_on(&mut self) {
        // Short at first: a small file is read before a person has blinked.
        let mut tick = Duration::from_millis(1);
        while !self.with(Monitor::is_finished).unwrap_or(true) {
            let due = self.beat.as_ref().map(|beat| beat.due(SystemTime::now()));
            let wait = due.map_or(tick, |due| tick.min(due));
            if let Err(error) = self.turn(wait) {
                // The terminal has gone: the run goes on without, as records and logs do.
                self.end_show();
                self.voice.error(&format!("the terminal: {error}"));
                self.ask(Asked::End);
            }
            tick = (tick * 2).min(TICK);
        }
        self.end_show();
    }

    fn turn(&mut self, tick: Duration) -> std::io::Result<()> {
        self.tell();
        if let Some(beat) = &mut self.beat {
            let (monitor, outputs) = (&self.monitor, &self.outputs);
            beat.beat(SystemTime::now(), || snapshot(monitor), || outputs.views());
        }
        self.look_after();
        self.watch_thresholds();
        if self.show.is_screen_due() {
            match self.show.open_screen() {
                Ok(()) => self.voice.hold(),
                Err(error) => self
                    .voice
                    .error(&format!("the screen cannot be shown: {error}")),
            }
        }
        let monitor = Arc::clone(&self.monitor);
        self.show.tell(self.voice.latest());
        let eye = self.live.as_ref().map(|live| live as &dyn Eye);
        self.show
            .show(eye, || snapshot(&monitor).unwrap_or_default())?;
        match self.show.wait(eye, tick)? {
            Some(Action::Quit) if self.ending.is_some() => signals::leave(),
            Some(Action::Quit) => self.ask(Asked::End),
            Some(Action::None | Action::Suspend) => {}
            None => match self.asked.recv_timeout(tick) {
                Ok(asked) => self.ask(asked),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(tick),
            },
        }
        while let Ok(asked) = self.asked.try_recv() {
            self.ask(asked);
        }
        if self.ending.is_none() && self.outputs.all_closed() {
            // `portreeve … | head`: nobody reads any more, and that is a clean end.
            self.ask(Asked::End);
        }
        if self
            .writer
            .as_ref()
            .is_some_and(|writer| writer.progress.is_complete())
        {
            // -G with -W: the files asked for are full.
            self.ask(Asked::End);
        }
        if self.ending.is_some_and(|since| since.elapsed() > DRAIN) {
            self.with(Monitor::abandon);
        }
        Ok(())
    }

    /// Looks whether all workers go on, and tells the service manager.
    fn look_after(&mut self) {
        let now = Instant::now();
        if !self.manager.is_due(now) {
            return;
        }
        let monitor = self.monitor.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(monitor) = monitor.as_ref() {
            self.progress.take(monitor.beats(), now);
            self.manager
                .beat(now, &self.progress, || monitor.snapshot());
        }
    }

    /// Looks whether somebody should know something, and tells.
    fn watch_thresholds(&mut self) {
        let now = Instant::now();
        let Some(alerts) = &mut self.alerts else {
            return;
        };
        if !alerts.is_due(now) {
            return;
        }
        let Some(snapshot) = snapshot(&self.monitor) else {
            return;
        };
        for (level, line) in alerts.take(&snapshot, &self.outputs, &self.progress.stuck(now), now) {
            self.voice.say(level, &line);
        }
        if let Some(live) = &self.live {
            live.set_alerts(alerts.views());
        }
        if let Ok(mut status) = self.alerts_status.lock() {
            *status = alerts.status();
        }
    }

    /// Tells what sources and outputs have to say.
    fn tell(&mut self) {
        for line in self.with(Monitor::take_notices).unwrap_or_default() {
            self.voice.say(Level::Usual, &line);
        }
        for (source, error) in self.with(Monitor::take_errors).unwrap_or_default() {
            self.failed = true;
            self.voice.error(&report::source_error(&source, &error));
        }
        for news in self.outputs.news() {
            self.voice.error(&news);
        }
        let progress = self
            .writer
            .as_ref()
            .map(|writer| Arc::clone(&writer.progress));
        for error in progress.iter().flat_map(|progress| progress.take_errors()) {
            self.voice
                .error(&format!("{error}; packets are lost, and counted"));
        }
        if let Ok(mut status) = self.outputs_status.lock() {
            *status = self.outputs.status();
        }
    }

    fn ask(&mut self, asked: Asked) {
        match asked {
            Asked::End => {
                if self.ending.is_none() {
                    self.ending = Some(Instant::now());
                    self.show.app.ending = true;
                    self.manager.stopping();
                    self.progress.end();
                    self.with(Monitor::stop);
                    // From here on a second Ctrl-C is a signal, and works whatever hangs.
                    self.end_show();
                }
            }
            Asked::Reload => self.reload(),
            Asked::Statistics if self.show.has_terminal() => {
                self.voice.say(
                    Level::Errors,
                    "statistics: the screen shows them; 8 is the ledger",
                );
            }
            Asked::Statistics => {
                let snapshot = self.snapshot();
                eprint!("{}", report::statistics(&snapshot));
            }
        }
    }

    /// Reads the configuration again; with it the filter, made anew if it is another one.
    fn load(&self) -> Result<(Settings, Option<NewFilter>), Failure> {
        let settings = Settings::load(self.args, self.places)?;
        check::reloaded(&settings.config)?;
        self.outputs
            .check(&settings.config, &self.settings.config)?;
        let capture = &settings.config.capture;
        let filter = if capture.filter == self.settings.config.capture.filter {
            self.filter.clone()
        } else {
            Some(input::new_filter(&settings.config, &self.links)?)
        };
        Ok((settings, filter))
    }

    fn reload(&mut self) {
        self.manager.reloading();
        match self.load() {
            Ok((settings, filter)) => {
                // What has no output at the start has no ring, either.
                let waiting: &[&str] = if self.outputs.has_folder() {
                    &[]
                } else {
                    &["output.log_dir"]
                };
                for line in settings::changes(&self.started, &self.settings, &settings, waiting) {
                    self.voice.say(Level::Usual, &line);
                }
                self.filter = filter;
                let changed = LiveSettings {
                    filter: self.filter.clone(),
                    ..live_settings(&settings.config)
                };
                self.with(|monitor| monitor.change(changed));
                for warning in self.facts.reload(&settings.config) {
                    self.voice.error(&warning);
                }
                self.outputs.reload(&settings.config);
                if let Some(Err(failure)) = self.alerts.as_mut().map(|a| a.reload(&settings.config))
                {
                    self.voice
                        .say(Level::Errors, failure.to_string().trim_end());
                }
                if let Some(server) = &self.web
                    && let Err(failure) = web::change(server, &settings.config)
                {
                    self.voice
                        .say(Level::Errors, failure.to_string().trim_end());
                }
                self.settings = settings;
                self.voice
                    .say(Level::Usual, "configuration checked, log files reopened");
            }
            Err(failure) => {
                for line in failure.to_string().lines() {
                    self.voice.say(Level::Errors, line);
                }
                self.voice
                    .error("the configuration stays as it was; log files are reopened");
            }
        }
        self.outputs.reopen();
        self.manager.reloaded();
    }

    fn end_show(&mut self) {
        self.show.end();
        self.voice.release();
    }

    /// Ends the run: the last records are written, the books closed and shown.
    fn end(mut self, records: bool, sums: Option<&Arc<Mutex<Sums>>>) -> Result<ExitCode, Failure> {
        self.manager.stopping();
        self.tell();
        let monitor = self
            .monitor
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(monitor) = monitor else {
            return Err(Failure::failed("the run has no monitor"));
        };
        let mut last = monitor.join();
        for (source, error) in &last.errors {
            self.failed = true;
            self.voice.error(&report::source_error(source, error));
        }
        for thread in &last.panicked {
            self.failed = true;
            self.voice.error(&format!(
                "{thread} broke down: a fault of Portreeve's; please report it"
            ));
        }
        let ended = finish(self.outputs, &self.asked, self.ending, &mut self.voice)?;
        for output in &ended {
            if output.failing || output.finished.stuck {
                self.failed = true;
                let why = output
                    .error
                    .as_deref()
                    .unwrap_or("it takes nothing any more");
                self.voice.error(&format!("{}: {why}", output.name));
            }
        }
        let written = self
            .writer
            .map(|writer| finish_packets(writer, &self.asked, self.ending))
            .transpose()?;
        if let Some(written) = &written {
            self.failed |= written.is_failing();
            for error in written.take_errors() {
                self.voice.error(&error);
            }
        }
        for account in &mut last.snapshot.ledger.records {
            let ended = ended.iter().find(|ended| ended.name == account.output);
            account.lost_by_output = ended.map_or(0, Ended::lost);
        }
        let snapshot = &last.snapshot;
        if self.voice.says(Level::Usual) {
            let mut page = sums.map(|sums| sums.lock().map_or(String::new(), |sums| sums.show()));
            let page = page.get_or_insert_default();
            page.push_str(&ledger::full(&snapshot.ledger, &ended, written.as_deref()));
            if self.voice.says(Level::More) {
                page.push_str(&report::workers(snapshot));
            }
            report::print(page, !records);
        }
        let lost = snapshot.ledger.lost_anything()
            || !snapshot.ledger.is_balanced()
            || written.is_some_and(|written| written.lost() > 0)
            || ended.iter().any(|output| output.lost() > 0);
        Ok(if self.failed {
            ExitCode::from(FAILED)
        } else if lost && self.args.run.fail_on_loss {
            ExitCode::from(LOST)
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn snapshot(monitor: &Shared) -> Option<Snapshot> {
    let monitor = monitor.lock().unwrap_or_else(PoisonError::into_inner);
    monitor.as_ref().map(Monitor::snapshot)
}

/// Waits for the outputs. Nobody asked for an end: as long as they write; else until the deadline.
fn finish(
    outputs: Outputs,
    asked: &Receiver<Asked>,
    ending: Option<Instant>,
    voice: &mut Voice,
) -> Result<Vec<Ended>, Failure> {
    let within = if ending.is_some() { DRAIN } else { PATIENCE };
    let done = outputs.finish(within)?;
    let mut left_at = None;
    loop {
        match done.recv_timeout(TICK) {
            Ok(ended) => return Ok(ended),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::failed(
                    "an output broke down: a fault of Portreeve's; please report it",
                ));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if left_at.is_none() && asked.try_iter().any(|asked| asked == Asked::End) {
            voice.say(
                Level::Usual,
                "waiting for the outputs, 10 seconds at most; once more leaves at once",
            );
            left_at = Some(Instant::now());
        }
        if left_at.is_some_and(|since: Instant| since.elapsed() > DRAIN) {
            return Err(Failure::failed(
                "an output takes nothing any more; what it had not written is lost",
            ));
        }
    }
}

/// Waits for the packet writer: until the deadline once somebody asked for an end, else as long as its file takes.
fn finish_packets(
    writer: packet_writer::Handle,
    asked: &Receiver<Asked>,
    ending: Option<Instant>,
) -> Result<Arc<packet_writer::Progress>, Failure> {
    let mut ending = ending.map(|_| Instant::now());
    while !writer.is_finished() && ending.is_none_or(|since| since.elapsed() < DRAIN) {
        std::thread::sleep(Duration::from_millis(2));
        if asked.try_iter().any(|asked| asked == Asked::End) {
            ending = ending.or_else(|| Some(Instant::now()));
        }
    }
    writer.finish()
}

/// What the control socket tells beside the monitor and its outputs.
struct Told {
    alerts: Arc<Mutex<Value>>,
    /// Where the dashboard is, once it serves.
    dashboard: Arc<OnceLock<String>>,
}

/// Answers the control socket.
fn handler(
    monitor: Shared,
    outputs: Arc<Mutex<Value>>,
    live: Option<Live>,
    told: Told,
    asker: Sender<Asked>,
    scheduling: Scheduling,
) -> control::Handler {
    let asker = Mutex::new(asker);
    Arc::new(move |request| {
        let ending = || "the run has ended".to_owned();
        let json =
            |value: Result<Value, serde_json::Error>| value.map_err(|error| error.to_string());
        if let Request::Get(topic) = &request
            && let Some(answer) = live::answer(live.as_ref(), topic)
        {
            return answer;
        }
        match request {
            Request::Get(Topic::Status) => Ok(json!({
                "version": env!("CARGO_PKG_VERSION"),
                "pid": std::process::id(),
                "outputs": outputs.lock().map_or(Value::Null, |outputs| outputs.clone()),
                "alerts": told.alerts.lock().map_or(Value::Null, |alerts| alerts.clone()),
                "dashboard": told.dashboard.get(),
            })),
            Request::Get(topic) => {
                let snapshot = snapshot(&monitor).ok_or_else(ending)?;
                match topic {
                    Topic::Ledger => json(serde_json::to_value::<Ledger>(snapshot.ledger)),
                    Topic::Talkers => json(serde_json::to_value(snapshot.talkers)),
                    _ => json(serde_json::to_value(snapshot)),
                }
            }
            Request::Do(control::Action::Mode(mode)) => {
                scheduling.allows(mode)?;
                let monitor = monitor.lock().unwrap_or_else(PoisonError::into_inner);
                let monitor = monitor.as_ref().ok_or_else(ending)?;
                let waiting = monitor.waiting();
                monitor.wait_by(Waiting { mode, ..waiting });
                Ok(Value::Null)
            }
            Request::Do(action) => {
                let asked = match action {
                    control::Action::Reopen => Asked::Reload,
                    _ => Asked::End,
                };
                let asker = asker.lock().unwrap_or_else(PoisonError::into_inner);
                asker.send(asked).map_err(|_| ending())?;
                Ok(Value::Null)
            }
        }
    })
}
