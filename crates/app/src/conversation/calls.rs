//! Calls of a session, and what it asks for with them.

use super::{Conversation, Env, Phase};
use crate::context::{Context, Requests};
use crate::products;
use crate::protocol::{Peer, Session, Want};

/// A flow that is one protocol after another more often than this is looked into no further.
const MAX_LOOKS_ANEW: u8 = 8;

impl Conversation {
    /// Calls the session, if one runs, and notes what it says of the conversation; what else it asks for is given back.
    fn ask<R>(
        &mut self,
        env: &mut Env<'_>,
        skipped: [u64; 2],
        ask: impl FnOnce(&mut dyn Session, &mut Context<'_>) -> R,
    ) -> Option<(R, Requests)> {
        let mut requests = Requests::default();
        let Phase::Running(running) = &mut self.phase else {
            return None;
        };
        let mut context = Context {
            now: env.now,
            since: env.since,
            transport: self.transport,
            facts: env.facts,
            sink: env.sink,
            requests: &mut requests,
            skipped,
            client_is_orig: self.client_is_orig,
            limits: env.limits,
            files: &mut self.files,
            products: env.products,
            seen: env.seen,
            truncated: env.truncated,
        };
        let answer = ask(&mut *running.session, &mut context);
        if self.product == 0 || products::is_fixed(requests.product) {
            self.product = requests.product;
        }
        if requests.not_mine {
            self.services.remove(running.protocol);
        }
        for name in requests.services.into_iter().flatten() {
            self.services.add(name);
        }
        Some((answer, requests))
    }

    /// Calls the session and does what it asked for; `None` if its want is of no account any more.
    pub(super) fn call(
        &mut self,
        env: &mut Env<'_>,
        call: impl FnOnce(&mut dyn Session, &mut Context<'_>) -> Want,
    ) -> Option<Want> {
        let (client, server) = if self.client_is_orig { (0, 1) } else { (1, 0) };
        let skipped = [self.inboxes[client].skipped, self.inboxes[server].skipped];
        let (want, requests) = self.ask(env, skipped, call)?;
        if requests.done || requests.not_mine {
            self.over(env);
            return None;
        }
        if let Some(protocol) = requests.hand_over {
            self.end_session(env);
            self.run(protocol);
            self.changed = Some(1);
            return None;
        }
        if requests.detect_again {
            self.look_anew(env);
            return None;
        }
        for (peer, wanted) in [Peer::Client, Peer::Server].into_iter().zip(requests.wants) {
            if let Some(wanted) = wanted {
                let from = if self.peer(0) == peer { 0 } else { 1 };
                if let Want::Skip(_) = wanted {
                    self.inboxes[from].skipped = 0;
                }
                self.inboxes[from].want = wanted;
                self.inboxes[from].search_anew();
                self.changed = Some(from as u8);
            }
        }
        Some(want)
    }

    /// What comes from here on is another protocol.
    fn look_anew(&mut self, env: &mut Env<'_>) {
        self.looks_anew += 1;
        if self.looks_anew > MAX_LOOKS_ANEW {
            self.over(env);
            return;
        }
        self.end_session(env);
        self.phase = Phase::detecting(self.applications);
    }

    /// The session says its last, if one runs.
    pub(super) fn end_session(&mut self, env: &mut Env<'_>) {
        self.ask(env, [0; 2], |session, context| session.end(context));
    }
}
