//! How fast a capture file is read: `read_rate FILE [touch]`. With `touch`, the first 64 bytes of each frame are
//! read too, as any decoder does.
#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use std::time::Instant;

use portreeve_capture::{CaptureError, Fetch, FileSource, Source};

fn main() -> Result<(), CaptureError> {
    let mut arguments = std::env::args_os().skip(1);
    let Some(file) = arguments.next() else {
        println!("usage: read_rate FILE [touch]");
        return Ok(());
    };
    let touch = arguments.next().is_some();
    let start = Instant::now();
    let mut source = FileSource::open([&file])?;
    let mut sum = 0u64;
    loop {
        match source.next_burst()? {
            Fetch::Frames(burst) if touch => {
                for frame in burst.frames() {
                    let words = frame.data.get(..64).unwrap_or(frame.data).chunks_exact(8);
                    for word in words {
                        sum ^= word
                            .first_chunk()
                            .map_or(0, |word| u64::from_ne_bytes(*word));
                    }
                }
            }
            Fetch::Frames(burst) => sum += burst.len() as u64,
            Fetch::Empty => {}
            Fetch::End => break,
        }
    }
    let counters = source.counters();
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} frames, {} bytes, {seconds:.3} s: {:.1} ns a frame, {:.2} GB/s ({}; {sum:x})",
        counters.delivered,
        counters.delivered_bytes,
        seconds * 1e9 / counters.delivered as f64,
        counters.delivered_bytes as f64 / seconds / 1e9,
        source.info().description,
    );
    Ok(())
}
