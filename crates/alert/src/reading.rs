//! What is looked at.

/// A run at one moment. Counters are since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Packets that were taken.
    pub packets: u64,
    /// Packets known to be lost beside those, by where.
    pub lost: Vec<Loss>,
    /// Bytes on the wire of the packets that were taken.
    pub bytes: u64,
    /// The same of each source.
    pub sources: Vec<SourceReading>,
    /// The interfaces that are watched.
    pub links: Vec<Link>,
    /// The disks that are written to.
    pub disks: Vec<Disk>,
    /// The outputs.
    pub outputs: Vec<OutputReading>,
    /// Flows in the tables.
    pub flows: u64,
    /// Flows that fit.
    pub flow_capacity: u64,
    /// What the workers did with their time.
    pub workers: Vec<WorkerReading>,
    /// Names of workers that do not go on.
    pub stuck: Vec<String>,
}

impl Reading {
    /// Packets known to be lost, wherever.
    #[must_use]
    pub fn lost_in_all(&self) -> u64 {
        self.lost.iter().map(|loss| loss.packets).sum()
    }
}

/// Packets lost in one place since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Where, as it goes on behind a number: `missed by eth0`.
    pub place: String,
    /// How many.
    pub packets: u64,
}

/// What a worker did with its time since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkerReading {
    /// Its thread's name.
    pub name: String,
    /// Nanoseconds that it polled and found packets.
    pub busy_ns: u64,
    /// Nanoseconds that it wanted to run and others had its core.
    pub in_line_ns: u64,
    /// Times that it left its ring alone for longer than that holds out.
    pub away: u64,
}

/// What came from one source since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceReading {
    /// Its name: the interface's.
    pub name: String,
    /// Packets that were taken.
    pub packets: u64,
    /// Bytes on the wire of those.
    pub bytes: u64,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Whether anything can come.
    pub state: LinkState,
}

/// How an interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It has a carrier.
    Up,
    /// It has none.
    NoCarrier,
    /// It is not there any more. Another of its name is another one, which the run does not watch.
    Gone,
}

/// A disk that is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The folder that is written.
    pub folder: String,
    /// Bytes that we may still write there.
    pub free: u64,
}

/// An output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputReading {
    /// Its name.
    pub name: String,
    /// Records lost, here or on the way here.
    pub lost: u64,
    /// Why it cannot write now, if it cannot.
    pub failing: Option<String>,
}
