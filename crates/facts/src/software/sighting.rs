//! What records say of programs.

use std::net::IpAddr;

use portreeve_record::app::dhcp::Dhcp;
use portreeve_record::app::http::Http;
use portreeve_record::app::smtp::Smtp;
use portreeve_record::app::ssh::Ssh;
use portreeve_record::{App, Head};

use crate::config::Networks;

/// A program as it was said.
pub(super) struct Sighting<'a> {
    pub(super) head: &'a Head,
    pub(super) host: IpAddr,
    pub(super) port: Option<u16>,
    pub(super) kind: &'static str,
    pub(super) said: &'a str,
}

/// What DHCP's clients listen on.
const DHCP_CLIENT_PORT: u16 = 68;

/// Hands each program that the record tells of to `take`.
pub(super) fn each(app: &App, networks: &Networks, take: &mut dyn FnMut(Sighting<'_>)) {
    match app {
        App::Http(http) => of_http(http, take),
        App::Ssh(ssh) => of_ssh(ssh, take),
        App::Smtp(smtp) => of_smtp(smtp, networks, take),
        App::Dhcp(dhcp) => of_dhcp(dhcp, take),
        // As a session heard it.
        App::Software(software) if software.name.is_none() => take(Sighting {
            head: &software.head,
            host: software.host,
            port: software.host_p,
            kind: software.software_type,
            said: &software.unparsed_version,
        }),
        _ => {}
    }
}

fn client<'a>(head: &'a Head, kind: &'static str, said: &'a str) -> Sighting<'a> {
    Sighting {
        head,
        host: head.orig_h,
        port: None,
        kind,
        said,
    }
}

fn server<'a>(head: &'a Head, kind: &'static str, said: &'a str) -> Sighting<'a> {
    Sighting {
        head,
        host: head.resp_h,
        port: Some(head.resp_p),
        kind,
        said,
    }
}

fn of_http(http: &Http, take: &mut dyn FnMut(Sighting<'_>)) {
    if let Some(said) = &http.user_agent {
        take(client(&http.head, "HTTP::BROWSER", said));
    }
    if let Some(said) = &http.server {
        take(server(&http.head, "HTTP::SERVER", said));
    }
    if let Some(said) = &http.powered_by {
        take(server(&http.head, "HTTP::APPSERVER", said));
    }
}

/// An identification without the protocol's own version before it: `SSH-2.0-`.
fn program(identification: &str) -> &str {
    identification
        .strip_prefix("SSH")
        .map_or(identification, |behind| {
            behind.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-')
        })
}

fn of_ssh(ssh: &Ssh, take: &mut dyn FnMut(Sighting<'_>)) {
    if let Some(said) = &ssh.client {
        take(client(&ssh.head, "SSH::CLIENT", program(said)));
    }
    if let Some(said) = &ssh.server {
        take(server(&ssh.head, "SSH::SERVER", program(said)));
    }
}

/// A mail's program, told by hosts of ours only: others may write what they like into its header. It is at the far end of the path.
fn of_smtp(smtp: &Smtp, networks: &Networks, take: &mut dyn FnMut(Sighting<'_>)) {
    let Some(said) = &smtp.user_agent else {
        return;
    };
    if !networks.has(smtp.head.orig_h) {
        return;
    }
    let mut far = smtp.path.iter().rev();
    let (mut host, before) = (far.next(), far.next());
    let mut kind = "SMTP::MAIL_CLIENT";
    if is_webmail(said) {
        kind = "SMTP::WEBMAIL_SERVER";
        let received = smtp.first_received.as_deref().unwrap_or_default();
        if received.contains("via HTTP") {
            host = before.or(host);
        }
    }
    take(Sighting {
        head: &smtp.head,
        host: host.copied().unwrap_or(smtp.head.orig_h),
        port: None,
        kind,
        said,
    });
}

/// Programs that are used through a browser, by what they call themselves.
fn is_webmail(said: &str) -> bool {
    [
        "iPlanet Messenger",
        "Sun Java(tm) System Messenger Express",
        "SquirrelMail",
        "NeoMail",
    ]
    .iter()
    .any(|name| said.starts_with(name))
        || said.contains("(IMP)")
        || said.contains("ZimbraWebClient")
}

fn of_dhcp(dhcp: &Dhcp, take: &mut dyn FnMut(Sighting<'_>)) {
    let (Some(said), Some(host), Some(_)) =
        (&dhcp.vendor_class, dhcp.assigned_addr, dhcp.server_addr)
    else {
        return;
    };
    if !host.is_broadcast() {
        take(Sighting {
            head: &dhcp.head,
            host: host.into(),
            port: Some(DHCP_CLIENT_PORT),
            kind: "DHCP::CLIENT",
            said,
        });
    }
}
