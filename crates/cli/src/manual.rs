//! The manual page and the shell completions, made from the definition of the arguments.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::args::Args;

/// Writes the manual page, in roff.
///
/// # Errors
/// What the writer says.
pub fn write_man(out: &mut dyn Write) -> io::Result<()> {
    // Examples have a section of their own here.
    let command = Args::command().before_help("").after_help("");
    let man = clap_mangen::Man::new(command)
        .section("8")
        .manual("Portreeve manual")
        .date("");
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    out.write_all(DESCRIPTION.as_bytes())?;
    man.render_options_section(out)?;
    man.render_subcommands_section(out)?;
    out.write_all(REST.as_bytes())
}

/// Writes the completion script of `shell`.
pub fn write_completions(shell: clap_complete::Shell, out: &mut dyn Write) {
    clap_complete::generate(shell, &mut Args::command(), "portreeve", out);
}

const DESCRIPTION: &str = r#".SH DESCRIPTION
Portreeve watches every packet of an interface or a capture file, tells which flows there are, who
talks to whom and how well, and keeps a ledger in which every packet is in exactly one account.
.PP
On a terminal it shows live top talkers and a line that says what was lost. In a pipe, or with
\fB\-\-json\fR or \fB\-\-tsv\fR, it writes records as Zeek's logs have them; with
\fB\-\-log\-dir\fR, into files. With neither \fB\-i\fR nor \fB\-r\fR it watches the
interface of the default route.
.PP
The \fIEXPRESSION\fR is that of \fBpcap\-filter\fR(7). Names are never looked up.
"#;

const REST: &str = r#".SH EXAMPLES
.TP
\fBportreeve \-i eth0\fR
Watch eth0: who talks, and was anything lost.
.TP
\fBportreeve \-r trace.pcap \-\-json tcp port 443\fR
The flows of a capture file that pass a filter, as JSON lines.
.TP
\fBportreeve \-i eth0 \-\-log\-dir /var/log/portreeve\fR
Zeek-compatible logs, rotated every hour.
.TP
\fBportreeve \-\-check \-\-set engine.memory=2GiB\fR
Check the configuration, with one key changed, and print what is in force.
.TP
\fBportreeve init \-o portreeve.toml\fR; \fBportreeve run \-\-config portreeve.toml\fR
Write a configuration that fits this host; watch by it, as a service.
.TP
\fBportreeve doctor \-\-fix\fR
Find what on this host costs packets, and change it until the next boot.
.TP
\fBportreeve nic bind eth1\fR
Hand a NIC to DPDK; \fBportreeve nic unbind eth1\fR gives it back.
.SH EXIT STATUS
.TP
0
Ran; every packet is accounted for in the ledger, including those that were lost.
.TP
1
Failed: a source, an output or the system did not do what was asked.
.TP
2
Wrong usage or configuration.
.TP
3
With \fB\-\-fail\-on\-loss\fR: ran, and lost packets, flows or records. \fBportreeve doctor\fR: something costs packets.
.SH SIGNALS
.TP
SIGINT, SIGTERM
End in order: drain the sources, write every open flow, print the ledger. A second one leaves at once.
.TP
SIGHUP
Read the configuration again (nothing changes if it is wrong) and reopen log files.
.TP
SIGUSR1
Print statistics on standard error.
.SH ENVIRONMENT
.TP
NO_COLOR
If set and not empty, no colours are used.
.TP
XDG_CONFIG_HOME, XDG_RUNTIME_DIR
The user's folders, when not run as root.
.TP
NOTIFY_SOCKET, WATCHDOG_USEC, STATE_DIRECTORY, RUNTIME_DIRECTORY
What systemd tells \fBportreeve run\fR: where it listens, how often it wants a sign of life, and the folders it made.
.SH FILES
.TP
/etc/portreeve/portreeve.toml
Configuration, when run as root.
.TP
~/.config/portreeve/portreeve.toml
Configuration, when not.
.TP
/var/lib/portreeve/store
History of \fBportreeve run\fR.
.TP
/run/portreeve
Control sockets, when run as root or as a service.
.TP
/var/lib/portreeve/nic\-bindings.json, doctor\-changes.json
What \fBportreeve nic bind\fR and \fBportreeve doctor \-\-fix\fR changed in this boot, to be restored.
.SH SEE ALSO
.BR pcap\-filter (7),
.BR tcpdump (1),
.BR systemd.service (5),
.BR capabilities (7)
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_every_flag_and_every_section() {
        let mut page = Vec::new();
        write_man(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap().replace("\\-", "-");
        for argument in Args::command().get_arguments() {
            if let Some(long) = argument.get_long() {
                assert!(page.contains(&format!("--{long}")), "--{long}");
            }
        }
        for section in [
            "NAME",
            "SYNOPSIS",
            "OPTIONS",
            "EXIT STATUS",
            "SIGNALS",
            "FILES",
        ] {
            assert!(
                page.contains(&format!(".SH {section}"))
                    || page.contains(&format!(".SH \"{section}\"")),
                "{section}"
            );
        }
    }

    #[test]
    fn every_shell_has_completions() {
        use clap::ValueEnum;
        for shell in clap_complete::Shell::value_variants() {
            let mut script = Vec::new();
            write_completions(*shell, &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("fail-on-loss"), "{shell}");
        }
    }
}
