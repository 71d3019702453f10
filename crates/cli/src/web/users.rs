//! Who may look: entries of the configuration and of a file.

use std::path::Path;

use portreeve_web::access::Users;

use crate::exit::Failure;

/// The users of both.
///
/// # Errors
/// An entry that is wrong, or a file that cannot be read.
pub fn users(entries: &[String], file: Option<&Path>) -> Result<Users, Failure> {
    let users = Users::parse(entries.iter().map(String::as_str))
        .map_err(|error| Failure::usage(format!("web.users: {error}")))?;
    let Some(path) = file else {
        return Ok(users);
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::failed(format!("web.users_file: {}: {error}", path.display())))?;
    let more = Users::parse(text.lines())
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    if users.is_empty() && more.is_empty() {
        // Whoever names a file means that one has to log in.
        return Err(Failure::usage(format!(
            "web.users_file: {} has no entries; portreeve web password NAME makes one",
            path.display()
        )));
    }
    Ok(users.and(&more))
}
