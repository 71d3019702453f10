//! The protocols of a flow, and their text in `service`.

use crate::protocol::Protocol;

/// The most protocols that one flow is named after; more are not noted.
pub(crate) const MAX_SERVICES: usize = 4;
/// The most different texts: two protocols in any order of all that the registry can have are not near it.
const MAX_TEXTS: usize = 4096;

/// The protocols that were found in one flow, in the order they were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Services {
    names: [Option<&'static str>; MAX_SERVICES],
}

impl Services {
    /// Adds a protocol's name, once.
    pub(crate) fn add(&mut self, name: &'static str) {
        for slot in &mut self.names {
            match slot {
                Some(there) if *there == name => return,
                Some(_) => {}
                None => {
                    *slot = Some(name);
                    return;
                }
            }
        }
    }

    /// Takes a protocol back that was found wrong.
    pub(crate) fn remove(&mut self, protocol: &Protocol) {
        let mut rest = Services::default();
        for name in self.names.into_iter().flatten() {
            if name != protocol.name {
                rest.add(name);
            }
        }
        *self = rest;
    }
}

/// The texts there are, each made once and kept for good: their number is bounded, so that is no leak.
#[derive(Default)]
pub(crate) struct Texts {
    texts: Vec<(Services, &'static str)>,
}

impl Texts {
    /// The number of the text of `services`: 0 for none, and where there are too many.
    pub(crate) fn number(&mut self, services: Services) -> u16 {
        if services == Services::default() {
            return 0;
        }
        let found = self.texts.iter().position(|(known, _)| *known == services);
        let at = match found {
            Some(at) => at,
            None if self.texts.len() == MAX_TEXTS => return 0,
            None => {
                let mut text = String::new();
                for name in services.names.into_iter().flatten() {
                    if !text.is_empty() {
                        text.push(',');
                    }
                    text.push_str(name);
                }
                let text = match services.names {
                    [Some(one), None, ..] => one,
                    _ => Box::leak(text.into_boxed_str()),
                };
                self.texts.push((services, text));
                self.texts.len() - 1
            }
        };
        at as u16 + 1
    }

    /// The text of that number.
    pub(crate) fn text(&self, number: u16) -> Option<&'static str> {
        let at = usize::from(number).checked_sub(1)?;
        self.texts.get(at).map(|(_, text)| *text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_made_once() {
        let mut texts = Texts::default();
        let mut services = Services::default();
        assert_eq!(texts.number(services), 0);
        services.add("smtp");
        let one = texts.number(services);
        services.add("ssl");
        services.add("smtp");
        let two = texts.number(services);
        assert_eq!(texts.text(one), Some("smtp"));
        assert_eq!(texts.text(two), Some("smtp,ssl"));
        assert_eq!(texts.number(services), two);
        assert_eq!(texts.text(0), None);
    }
}
