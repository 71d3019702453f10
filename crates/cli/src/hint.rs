//! Words that look like a command and are none: without a hint they would be told to be no filter expression.

use clap::CommandFactory;
use portreeve_capture::filter::FilterSet;
use portreeve_packet::LinkType;

use crate::args::Args;
use crate::config::distance;
use crate::exit::Failure;

/// The page that `portreeve help` and `portreeve help COMMAND` ask for, if these words do.
///
/// # Errors
/// A command was meant that is not there: the one that it is like.
pub fn help(words: &[String]) -> Result<Option<String>, Failure> {
    let mut command = Args::command();
    command.build();
    match words {
        [help] if help == "help" => Ok(Some(command.render_long_help().to_string())),
        [help, name] if help == "help" => match command.find_subcommand_mut(name) {
            Some(found) => Ok(Some(found.render_long_help().to_string())),
            None => Err(unknown(&command, name)),
        },
        [word] if is_like_a_command(&command, word) && !is_filter(word) => {
            Err(unknown(&command, word))
        }
        _ => Ok(None),
    }
}

/// Bytes of the longest frame: a program is made for frames of some length.
const MAX_FRAME: u32 = 262_144;

fn is_filter(word: &str) -> bool {
    FilterSet::new(word, LinkType::Ethernet, MAX_FRAME).is_ok()
}

fn is_like_a_command(command: &clap::Command, word: &str) -> bool {
    nearest(command, word).is_some()
}

/// The command few letters away.
fn nearest<'a>(command: &'a clap::Command, word: &str) -> Option<&'a str> {
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    shown
        .map(|sub| (distance(word, sub.get_name()), sub.get_name()))
        .filter(|(distance, _)| *distance <= word.len().div_ceil(3))
        .min()
        .map(|(_, name)| name)
}

fn unknown(command: &clap::Command, word: &str) -> Failure {
    let meant = nearest(command, word).map_or_else(
        || "portreeve --help lists them".to_owned(),
        |name| format!("did you mean portreeve {name}?"),
    );
    Failure::usage(format!(
        "there is no command {word}, and it is no filter expression; {meant}"
    ))
}
