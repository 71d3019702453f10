//! Lists of processors as the kernel writes them: `0-3,8`.

/// The numbers of a list such as `0-3,8`, in order and each once. The empty text is the empty list; `None`: this is no list.
#[must_use]
pub fn parse_list(text: &str) -> Option<Vec<usize>> {
    /// More than any kernel is built for (NR_CPUS is 8192 at most).
    const LIMIT: usize = 1 << 16;
    let mut numbers = Vec::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = match part.trim().split_once('-') {
            Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
            None => {
                let one: usize = part.trim().parse().ok()?;
                (one, one)
            }
        };
        if first > last || last >= LIMIT {
            return None;
        }
        numbers.extend(first..=last);
    }
    numbers.sort_unstable();
    numbers.dedup();
    Some(numbers)
}

/// The shortest list of these numbers: `0-3,8`.
#[must_use]
pub fn format_list(numbers: &[usize]) -> String {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
        .chunk_by(|a, b| a + 1 == *b)
        .map(|run| match run {
            [one] => one.to_string(),
            [first, .., last] => format!("{first}-{last}"),
            [] => String::new(),
        })
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        for (text, numbers) in [
            ("", vec![]),
            ("0", vec![0]),
            ("0-1", vec![0, 1]),
            ("0-3,8,10-11\n", vec![0, 1, 2, 3, 8, 10, 11]),
        ] {
            assert_eq!(parse_list(text).as_ref(), Some(&numbers), "{text}");
            assert_eq!(format_list(&numbers), text.trim());
        }
        assert_eq!(parse_list("3,1,1-2"), Some(vec![1, 2, 3]));
        for wrong in ["a", "3-1", "1-", "(null)", "0-99999999"] {
            assert_eq!(parse_list(wrong), None, "{wrong}");
        }
    }
}
