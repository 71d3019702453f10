//! The metrics of a run: its ledger, its workers, its memory, its outputs.

use portreeve_engine::Snapshot;
use portreeve_engine::ledger::{CaptureAccount, Ledger, Named};
use portreeve_engine::queues::QueueState;
use serde_json::Value;

use super::page::{Kind, Page};

/// Everything about a run.
pub(super) fn of_run(snapshot: &Snapshot, outputs: &Value, page: &mut Page) {
    capture(&snapshot.ledger, page);
    frames(&snapshot.ledger, page);
    flows(&snapshot.ledger, page);
    applications(&snapshot.ledger, page);
    records(&snapshot.ledger, outputs, page);
    queues(snapshot, page);
    workers(snapshot, page);
    memory(snapshot, page);
}

/// A sample for each source of which the number is known.
fn by_source(
    ledger: &Ledger,
    page: &mut Page,
    labels: &[(&str, &str)],
    of: impl Fn(&CaptureAccount) -> Option<u64>,
) {
    for account in &ledger.capture {
        if let Some(value) = of(account) {
            let mut all = vec![("source", account.source.as_str())];
            all.extend_from_slice(labels);
            page.sample(&all, value);
        }
    }
}

fn capture(ledger: &Ledger, page: &mut Page) {
    page.family(
        "portreeve_packets_received_total",
        Kind::Counter,
        "Packets that the source saw on the wire, lost ones included; no sample where the hardware or the kernel cannot tell.",
    );
    by_source(ledger, page, &[], |account| account.wire);
    page.family(
        "portreeve_packets_delivered_total",
        Kind::Counter,
        "Packets that reached a worker.",
    );
    by_source(ledger, page, &[], |account| Some(account.delivered));
    page.family(
        "portreeve_bytes_delivered_total",
        Kind::Counter,
        "Bytes on the wire of the packets that reached a worker.",
    );
    by_source(ledger, page, &[], |account| Some(account.delivered_bytes));
    page.family(
        "portreeve_packets_dropped_total",
        Kind::Counter,
        "Packets lost before they reached a flow, by where and why; no sample where nothing counts them.",
    );
    let dropped = |stage, reason| [("stage", stage), ("reason", reason)];
    by_source(ledger, page, &dropped("nic", "missed"), |a| a.nic_missed);
    by_source(ledger, page, &dropped("nic", "error"), |a| a.nic_errors);
    by_source(ledger, page, &dropped("kernel", "ring_full"), |a| {
        a.kernel_drops
    });
    page.sample(
        &[
            ("source", ""),
            ("stage", "hand_over"),
            ("reason", "ring_full"),
        ],
        ledger.frames.hand_over_full,
    );
    page.family(
        "portreeve_packets_filtered_total",
        Kind::Counter,
        "Packets that the filter rejected.",
    );
    by_source(ledger, page, &[("stage", "kernel")], |a| a.filtered);
    page.sample(
        &[("source", ""), ("stage", "worker")],
        ledger.frames.filtered,
    );
    page.family(
        "portreeve_packets_unaccounted",
        Kind::Gauge,
        "What is left over when the accounts are added up: anything but 0 is a fault.",
    );
    for account in &ledger.capture {
        if let Some(rest) = account.unaccounted {
            page.sample(&[("source", &account.source), ("account", "wire")], rest);
        }
    }
    let rest = ledger.frames.unaccounted;
    page.sample(&[("source", ""), ("account", "delivered")], rest);
}

fn frames(ledger: &Ledger, page: &mut Page) {
    let frames = &ledger.frames;
    page.single(
        "portreeve_packets_analysed_total",
        Kind::Counter,
        "Packets that were counted in flows.",
        frames.analysed,
    );
    named(
        page,
        "portreeve_packets_undecodable_total",
        "Packets that could not be decoded, by reason.",
        "reason",
        &frames.undecodable_by,
    );
    named(
        page,
        "portreeve_packets_not_ip_total",
        "Packets without IP, by EtherType.",
        "ethertype",
        &frames.not_ip_by,
    );
    page.single(
        "portreeve_packets_handed_over_total",
        Kind::Counter,
        "Packets handed from the worker that received them to the one that has their flow.",
        frames.handed_over,
    );
}

fn named(page: &mut Page, name: &'static str, help: &str, label: &str, counts: &[Named]) {
    page.family(name, Kind::Counter, help);
    for Named { name, count } in counts {
        page.sample(&[(label, name)], count);
    }
}

fn flows(ledger: &Ledger, page: &mut Page) {
    let flows = &ledger.flows;
    page.single(
        "portreeve_flows_opened_total",
        Kind::Counter,
        "Flows opened.",
        flows.opened,
    );
    page.single(
        "portreeve_flows_active",
        Kind::Gauge,
        "Flows in the tables now.",
        flows.active,
    );
    named(
        page,
        "portreeve_flows_ended_total",
        "Flows ended, by reason.",
        "reason",
        &flows.ended_by,
    );
    page.single(
        "portreeve_flows_refused_total",
        Kind::Counter,
        "Packets without a flow, since the tables had no room.",
        flows.refused,
    );
}

fn applications(ledger: &Ledger, page: &mut Page) {
    let applications = &ledger.applications;
    page.family(
        "portreeve_conversations_total",
        Kind::Counter,
        "Conversations by what became of looking into them.",
    );
    for (outcome, count) in [
        ("opened", applications.opened),
        ("recognised", applications.recognised),
        ("refused", applications.refused),
        ("shed", applications.shed),
        ("given_up", applications.given_up),
    ] {
        page.sample(&[("outcome", outcome)], count);
    }
}

fn records(ledger: &Ledger, outputs: &Value, page: &mut Page) {
    page.family(
        "portreeve_records_produced_total",
        Kind::Counter,
        "Records made for an output.",
    );
    for account in &ledger.records {
        page.sample(&[("output", &account.output)], account.produced);
    }
    let outputs: Vec<&Value> = outputs.as_array().into_iter().flatten().collect();
    let of = |output: &Value, key: &str| output.get(key).and_then(Value::as_u64);
    let name = |output: &Value| -> String {
        let name = output.get("name").and_then(Value::as_str);
        name.unwrap_or_default().to_owned()
    };
    page.family(
        "portreeve_records_dropped_total",
        Kind::Counter,
        "Records that an output lost: its ring was full, or it could not write them.",
    );
    for account in &ledger.records {
        page.sample(
            &[("output", &account.output), ("reason", "ring_full")],
            account.dropped,
        );
    }
    for output in &outputs {
        if let Some(dropped) = of(output, "dropped") {
            page.sample(&[("output", &name(output)), ("reason", "write")], dropped);
        }
    }
    for (family, help, key) in [
        (
            "portreeve_records_written_total",
            "Records that an output wrote.",
            "written",
        ),
        (
            "portreeve_output_bytes_total",
            "Bytes that an output wrote.",
            "bytes",
        ),
        (
            "portreeve_output_errors_total",
            "Times that an output could not write.",
            "errors",
        ),
    ] {
        page.family(family, Kind::Counter, help);
        for output in &outputs {
            if let Some(value) = of(output, key) {
                page.sample(&[("output", &name(output))], value);
            }
        }
    }
}

/// Families of their own: with a label more in those of sources, whoever sums them up would count twice.
fn queues(snapshot: &Snapshot, page: &mut Page) {
    type Of = fn(&QueueState) -> Option<u64>;
    let families: [(&'static str, &str, Of); 3] = [
        (
            "portreeve_queue_packets_delivered_total",
            "Packets that reached a worker from one of its source's receive queues; of sources that have several.",
            |queue| Some(queue.delivered),
        ),
        (
            "portreeve_queue_bytes_delivered_total",
            "Bytes on the wire of the packets that reached a worker from one receive queue.",
            |queue| Some(queue.delivered_bytes),
        ),
        (
            "portreeve_queue_packets_dropped_total",
            "Packets lost since the ring of one receive queue was full; no sample where the driver counts all queues together.",
            |queue| queue.dropped,
        ),
    ];
    if snapshot.queues.is_empty() {
        return;
    }
    for (family, help, of) in families {
        page.family(family, Kind::Counter, help);
        for queue in &snapshot.queues {
            if let Some(value) = of(queue) {
                let number = queue.queue.to_string();
                page.sample(&[("source", &queue.source), ("queue", &number)], value);
            }
        }
    }
}

fn workers(snapshot: &Snapshot, page: &mut Page) {
    page.family(
        "portreeve_worker_packets_total",
        Kind::Counter,
        "Packets delivered to a worker.",
    );
    for worker in &snapshot.workers {
        page.sample(
            &[("worker", &worker.name), ("cpu", &worker.cpu.to_string())],
            worker.frames,
        );
    }
    page.family(
        "portreeve_worker_flows",
        Kind::Gauge,
        "Flows that a worker has now.",
    );
    for worker in &snapshot.workers {
        page.sample(&[("worker", &worker.name)], worker.flows);
    }
    page.family(
        "portreeve_worker_seconds_total",
        Kind::Counter,
        "What a worker did with its time: busy with packets, polling for nothing, asleep.",
    );
    let seconds = |ns: u64| ns as f64 / 1e9;
    for worker in &snapshot.workers {
        let waits = &worker.waits;
        for (state, ns) in [
            ("busy", waits.busy_ns),
            ("polling", waits.spin_ns),
            ("asleep", waits.sleep_ns),
        ] {
            page.sample(&[("worker", &worker.name), ("state", state)], seconds(ns));
        }
    }
    page.family(
        "portreeve_worker_stalls_total",
        Kind::Counter,
        "Times that a worker did not look at its sources for longer than their rings hold out at line rate.",
    );
    for worker in &snapshot.workers {
        page.sample(&[("worker", &worker.name)], worker.waits.stalls);
    }
    page.family(
        "portreeve_worker_longest_stall_seconds",
        Kind::Gauge,
        "The longest of these times.",
    );
    for worker in &snapshot.workers {
        let longest = worker.waits.longest_stall_ns;
        page.sample(&[("worker", &worker.name)], seconds(longest));
    }
    page.family(
        "portreeve_worker_in_line_seconds_total",
        Kind::Counter,
        "How long a worker wanted to run and others had its core.",
    );
    for worker in &snapshot.workers {
        page.sample(&[("worker", &worker.name)], seconds(worker.in_line_ns));
    }
}

fn memory(snapshot: &Snapshot, page: &mut Page) {
    page.single(
        "portreeve_flow_capacity",
        Kind::Gauge,
        "Flows that fit into the tables.",
        snapshot.flow_memory.capacity,
    );
    page.family(
        "portreeve_memory_bytes",
        Kind::Gauge,
        "Memory by what it is for and what it stands on.",
    );
    // Several areas of one purpose may stand on pages of one size: on other nodes.
    let mut sums = std::collections::BTreeMap::new();
    for area in &snapshot.memory {
        *sums.entry((&area.name, area.page_size)).or_insert(0) += area.bytes;
    }
    for ((name, page_size), bytes) in sums {
        page.sample(
            &[("area", name), ("page_size", &page_size.to_string())],
            bytes,
        );
    }
}
