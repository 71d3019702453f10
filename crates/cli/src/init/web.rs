//! The section `[web]` of what `portreeve init` writes: the dashboard for this host, and what it takes to serve others.

use std::fmt::Write as _;

use super::look::Host;
use super::text::quoted;

/// The section.
pub(super) fn section(text: &mut String, host: &Host) {
    let listen = portreeve_web::DEFAULT_LISTEN;
    let port = listen.port();
    let _ = write!(
        text,
        "[web]\n# The dashboard: http://{listen}/ on this host; from elsewhere, ssh -L {port}:{listen} {name}. \"off\": none.\n\
         listen = {address}\n\
         # For everybody on the network, listen = \"0.0.0.0:{port}\" or \"[::]:{port}\", and somebody who may look:\n\
         #   portreeve web password NAME >>/etc/portreeve/users   for people\n\
         #   portreeve web token NAME >>/etc/portreeve/users      for programs: the API, and Prometheus at /metrics\n\
         # The service must be able to read that file: chown root:portreeve, chmod 640.\n\
         #users_file = \"/etc/portreeve/users\"\n\
         # Passwords go over a network by TLS only: a certificate with those that signed it, and its key, in PEM. Both are read again at a reload.\n\
         #certificate = \"/etc/portreeve/web.crt\"\n#key = \"/etc/portreeve/web.key\"\n\n",
        name = shell_word(&host.name),
        address = quoted(&listen.to_string()),
    );
}

/// The host's name, if it is one that can be typed.
fn shell_word(name: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if !name.is_empty() && name.chars().all(plain) {
        name
    } else {
        "HOST"
    }
}
