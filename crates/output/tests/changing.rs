//! Outputs that become other ones while they run.

mod common;

use common::{Folder, context, full};
use portreeve_output::{
    Destination, Dialect, OpenError, Output, OutputConfig, Rotation, check, open,
};
use portreeve_record::Record;

fn folder(folder: &Folder) -> OutputConfig {
    OutputConfig {
        name: "logs".into(),
        destination: Destination::Directory {
            path: folder.0.clone(),
            rotation: Rotation::default(),
        },
        ..OutputConfig::default()
    }
}

fn write(output: &mut dyn Output, count: usize) {
    for _ in 0..count {
        output.write(&Record::Conn(full()), &context());
    }
}

#[test]
fn a_folder_becomes_another_one_and_none_and_the_books_go_on() {
    let (first, second) = (Folder::new("change-1"), Folder::new("change-2"));
    let mut output = open(&folder(&first)).expect("it opens");
    write(&mut *output, 2);
    let tsv = OutputConfig {
        dialect: Dialect::ZeekTsv,
        ..folder(&second)
    };
    output.change(&tsv);
    write(&mut *output, 3);
    // The same again changes nothing: no file is begun anew.
    output.change(&tsv);
    output.flush();
    assert_eq!(first.read("conn.log").lines().count(), 2);
    assert_eq!(second.names(), ["conn.log"]);
    let lines = second.read("conn.log");
    assert_eq!(
        lines.lines().filter(|line| !line.starts_with('#')).count(),
        3
    );
    // The first is free for others.
    assert!(open(&folder(&first)).is_ok());

    let nowhere = OutputConfig {
        destination: Destination::Nowhere,
        ..tsv.clone()
    };
    output.change(&nowhere);
    write(&mut *output, 5);
    output.change(&tsv);
    write(&mut *output, 1);
    output.finish();
    let counters = output.counters();
    assert_eq!(
        (
            counters.written,
            counters.unwanted,
            counters.dropped_total()
        ),
        (6, 5, 0)
    );
    assert_eq!(counters.errors, 0);
}

#[test]
fn what_cannot_be_is_told_before_and_stays_as_it_was() {
    let (first, second) = (Folder::new("change-3"), Folder::new("change-4"));
    let config = folder(&first);
    let mut output = open(&config).expect("it opens");
    // Somebody else writes there.
    let taken = folder(&second);
    let other = open(&taken).expect("it opens");
    assert!(matches!(check(&taken, &config), Err(OpenError::InUse(_))));
    let unknown = OutputConfig {
        logs: vec!["con".into()],
        ..config.clone()
    };
    assert!(matches!(
        check(&unknown, &config),
        Err(OpenError::UnknownLog(_))
    ));
    assert!(check(&config, &config).is_ok(), "it has the lock itself");

    output.change(&taken);
    write(&mut *output, 4);
    output.finish();
    assert_eq!(first.read("conn.log").lines().count(), 4);
    let counters = output.counters();
    assert_eq!((counters.written, counters.errors), (4, 1));
    drop(other);
    assert!(check(&taken, &config).is_ok());
}
