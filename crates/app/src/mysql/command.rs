//! Commands by their numbers.

/// Names, in Zeek's spelling.
const NAMES: [&str; 32] = [
    "sleep",
    "quit",
    "init_db",
    "query",
    "field_list",
    "create_db",
    "drop_db",
    "refresh",
    "shutdown",
    "statistics",
    "process_info",
    "connect",
    "process_kill",
    "debug",
    "ping",
    "time",
    "delayed_insert",
    "change_user",
    "binlog_dump",
    "table_dump",
    "connect_out",
    "register_slave",
    "stmt_prepare",
    "stmt_execute",
    "stmt_send_long_data",
    "stmt_close",
    "stmt_reset",
    "set_option",
    "stmt_fetch",
    "daemon",
    "binlog_dump_gtid",
    "reset_connection",
];

/// The name of a command.
pub(super) fn name(number: u8) -> &'static str {
    NAMES.get(usize::from(number)).copied().unwrap_or("unknown")
}

/// What of a command's content is text; the rest is numbers and values.
pub(super) fn argument<'a>(name: &str, content: &'a [u8]) -> &'a [u8] {
    match name {
        "init_db" | "query" | "create_db" | "drop_db" | "stmt_prepare" => {
            content.strip_suffix(b"\0").unwrap_or(content)
        }
        "field_list" | "change_user" => content.split(|&byte| byte == 0).next().unwrap_or_default(),
        _ => &[],
    }
}

/// Whether there is no answer to it.
pub(super) fn unanswered(name: &str) -> bool {
    matches!(name, "quit" | "stmt_close" | "stmt_send_long_data")
}
