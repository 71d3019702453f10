//! A subscriber for streams: the first line that each side of a TCP conversation says, whatever its segments look like.
//!
//! `cargo run -p portreeve-engine --example first_lines -- FILE`
#![allow(clippy::print_stdout)] // Its output is what it is for.

mod common;

use std::process::ExitCode;

use portreeve_app::{Context, Facts, Peer, Session, StreamSubscriber, Transport, Want};
use portreeve_engine::{Subscriber, Subscribers};

/// The longest line that is waited for, bytes.
const LONGEST: usize = 200;

struct Conversations;

impl StreamSubscriber for Conversations {
    fn begin(&mut self, flow: &dyn Facts, transport: Transport) -> Option<Box<dyn Session>> {
        let head = flow.head(0);
        let name = format!(
            "{}:{} > {}:{}",
            head.orig_h, head.orig_p, head.resp_h, head.resp_p
        );
        (transport == Transport::Tcp).then(|| Box::new(FirstLines { name }) as Box<dyn Session>)
    }
}

/// One conversation.
struct FirstLines {
    name: String,
}

impl FirstLines {
    fn print(&self, peer: Peer, line: &[u8]) {
        let who = match peer {
            Peer::Client => "client",
            Peer::Server => "server",
        };
        println!("{}  {who}: {}", self.name, line.escape_ascii());
    }
}

impl Session for FirstLines {
    fn start(&mut self, _: Peer) -> Want {
        Want::Line(LONGEST)
    }

    fn unit(&mut self, peer: Peer, line: &[u8], _: &mut Context<'_>) -> Want {
        self.print(peer, line.trim_ascii_end());
        // With one line of each the flow is let go: what follows costs what any flow's packets cost.
        Want::Nothing
    }

    fn closed(&mut self, peer: Peer, rest: &[u8], _: &mut Context<'_>) {
        if !rest.is_empty() {
            self.print(peer, rest);
        }
    }
}

fn main() -> ExitCode {
    let subscribers = Subscribers::new(|_worker| Subscriber::new().streams(Conversations));
    if let Err(error) = common::run(subscribers) {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
