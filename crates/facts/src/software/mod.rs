//! Programs that gave themselves away: `software`, with the meaning of Zeek's software framework.
//!
//! What records say of programs (a User-Agent, a greeting) is taken apart, and told when it is new for its host or another version of what was told. After a day it is told again.

mod browser;
mod sighting;
mod version;

use std::net::IpAddr;
use std::sync::Arc;

use portreeve_record::app::software::{Software as Told, Version};
use portreeve_record::{App, Record};

use crate::bounded::Bounded;
use crate::config::{Config, Networks, Whose};

use sighting::Sighting;
use version::Description;

/// How many texts that were taken apart are kept: most say the same over and over. Texts have at most some 2 KiB.
const MAX_PARSED: usize = 2048;

/// The programs that were told of lately.
#[derive(Debug)]
pub(crate) struct Software {
    whose: Whose,
    again: i64,
    parsed: Bounded<Box<str>, Arc<Description>>,
    /// By host and name: when it was told, and with which version.
    told: Bounded<(IpAddr, Arc<str>), (i64, Version)>,
}

impl Software {
    pub(crate) fn new(config: &Config) -> Self {
        Software {
            whose: config.software,
            again: config.again,
            parsed: Bounded::new(MAX_PARSED),
            told: Bounded::new(config.entries),
        }
    }

    /// Tells of others from now on.
    pub(crate) fn change(&mut self, config: &Config) {
        self.whose = config.software;
        self.again = config.again;
    }

    /// Learns from a record.
    pub(crate) fn app(&mut self, app: &App, networks: &Networks, made: &mut Vec<Record>) {
        if self.whose != Whose::Nobody {
            sighting::each(app, networks, &mut |sighting| {
                self.take(&sighting, networks, made);
            });
        }
    }

    fn take(&mut self, sighting: &Sighting<'_>, networks: &Networks, made: &mut Vec<Record>) {
        let host = sighting.host;
        if !self.whose.is(networks.has(host)) {
            return;
        }
        let description = self.parse(sighting.said);
        let now = sighting.head.ts;
        let key = (host, Arc::clone(&description.name));
        if let Some((at, version)) = self.told.get_mut(&key)
            && now.abs_diff(*at) < self.again.unsigned_abs()
        {
            if *version == description.version {
                return;
            }
            version.clone_from(&description.version);
        } else {
            self.told.insert(key, (now, description.version.clone()));
        }
        let told = Told {
            head: *sighting.head,
            host,
            host_p: sighting.port,
            software_type: sighting.kind,
            name: Some((&*description.name).into()),
            version: description.version.clone(),
            unparsed_version: sighting.said.into(),
        };
        made.push(Record::App(told.into()));
    }

    fn parse(&mut self, said: &str) -> Arc<Description> {
        if let Some(description) = self.parsed.get(said) {
            return Arc::clone(description);
        }
        let description = Arc::new(version::parse(said));
        self.parsed.insert(said.into(), Arc::clone(&description));
        description
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DAY;
    use portreeve_record::Head;
    use portreeve_record::app::http::Http;

    fn http(ts: i64, user_agent: &str, server: &str) -> App {
        App::from(Http {
            head: Head {
                ts,
                orig_h: "10.0.0.1".parse().unwrap(),
                resp_h: "10.0.0.2".parse().unwrap(),
                resp_p: 80,
                ..Head::default()
            },
            user_agent: Some(user_agent)
                .filter(|said| !said.is_empty())
                .map(Into::into),
            server: Some(server).filter(|said| !said.is_empty()).map(Into::into),
            ..Http::default()
        })
    }

    fn told(software: &mut Software, app: &App) -> Vec<String> {
        let mut made = Vec::new();
        software.app(app, &Networks::default(), &mut made);
        made.into_iter()
            .map(|record| match record {
                Record::App(App::Software(s)) => format!(
                    "{} {:?} {} {} {}",
                    s.host,
                    s.host_p,
                    s.software_type,
                    s.name.as_deref().unwrap_or_default(),
                    s.version.major.unwrap_or_default()
                ),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn told_when_new_and_when_the_version_changes() {
        let mut software = Software::new(&Config::default());
        let first = http(0, "curl/7.15.1", "Apache/2.0.63 (Unix)");
        assert_eq!(
            told(&mut software, &first),
            [
                "10.0.0.1 None HTTP::BROWSER curl 7",
                "10.0.0.2 Some(80) HTTP::SERVER Apache 2"
            ]
        );
        assert!(told(&mut software, &first).is_empty());
        let newer = http(1, "curl/8.0.1", "");
        assert_eq!(
            told(&mut software, &newer),
            ["10.0.0.1 None HTTP::BROWSER curl 8"]
        );
        // And back again: that is a change too.
        assert_eq!(
            told(&mut software, &first),
            ["10.0.0.1 None HTTP::BROWSER curl 7"]
        );
        let tomorrow = http(DAY, "curl/7.15.1", "");
        assert_eq!(told(&mut software, &tomorrow).len(), 1);
    }

    #[test]
    fn of_our_own_hosts_only_unless_asked() {
        let mut app = http(0, "curl/7.15.1", "Apache/2.0.63 (Unix)");
        let App::Http(http) = &mut app else { panic!() };
        http.head.resp_h = "192.0.2.1".parse().unwrap();
        let of = |whose| {
            let config = Config {
                software: whose,
                ..Config::default()
            };
            told(&mut Software::new(&config), &app).len()
        };
        assert_eq!(
            [Whose::Nobody, Whose::Local, Whose::Remote, Whose::Everybody].map(of),
            [0, 1, 1, 2]
        );
    }
}
