//! Datagrams in fragments: what is in them is what tshark finds, which puts them together.

mod common;
mod rows;

/// tshark's reading of the answers in fragments: the message's number and how many answers it says it has.
const ANSWERS: [(u64, usize); 7] = [
    (0xd43f, 4),
    (0xe9c4, 2),
    (0x0a32, 2),
    (0xa17d, 2),
    (0x15a8, 4),
    (0xc2a0, 4),
    (0x89ce, 4),
];

#[test]
fn answers_in_fragments_are_tsharks() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let capture = corpus.join("ndpi/pcap/default__pcap__dns_fragmented.pcap");
    let (_, counters) = common::records_and_counters_of(&capture);
    assert_eq!(
        (counters.datagrams_whole, counters.datagrams_given_up),
        (7, 0)
    );
    let ours = rows::ours(&capture, "dns");
    for (number, answers) in ANSWERS {
        let is_it = |row: &&rows::Row| row["trans_id"] == number && row["saw_reply"] == true;
        let row = ours.iter().find(is_it).unwrap();
        let told = row["answers"].as_array().unwrap();
        assert_eq!(told.len(), answers, "{row:?}");
    }
}

#[test]
fn what_never_is_whole_is_counted() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    // Fragments of many datagrams, none of which has the others it needs.
    let capture = corpus.join("ndpi/pcap/default__pcap__badpackets.pcap");
    let (_, counters) = common::records_and_counters_of(&capture);
    assert_eq!(
        (counters.datagrams_whole, counters.datagrams_given_up),
        (0, 93)
    );
}
