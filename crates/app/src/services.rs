//! The protocols of a flow, and their text in `service`.

use std::sync::{Mutex, PoisonError};

use crate::protocol::Protocol;

/// The most protocols that one flow is named after; more are not noted.
pub(crate) const MAX_SERVICES: usize = 4;
/// The most different texts: two protocols in any order of all that the registry can have are not near it.
const MAX_TEXTS: usize = 4096;

/// The protocols that were found in one flow, in the order they were found: one, mostly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Services {
    first: Option<&'static str>,
    more: Option<Box<[Option<&'static str>; MAX_SERVICES - 1]>>,
}

impl Services {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let more = self.more.iter().flat_map(|more| more.iter().copied());
        self.first.into_iter().chain(more.flatten())
    }

    /// Whether both are one name, which stands at the same place.
    fn is_identical(&self, other: &Services) -> bool {
        let place = |services: &Services| match (services.first, &services.more) {
            (Some(name), None) => Some((name.as_ptr(), name.len())),
            _ => None,
        };
        place(self).is_some_and(|at| place(other) == Some(at))
    }

    /// Adds a protocol's name, once; of one that has none, nothing.
    pub(crate) fn add(&mut self, name: &'static str) {
        if name.is_empty() || self.names().any(|there| there == name) {
            return;
        }
        if self.first.is_none() {
            self.first = Some(name);
            return;
        }
        let more = self.more.get_or_insert_default();
        if let Some(free) = more.iter_mut().find(|there| there.is_none()) {
            *free = Some(name);
        }
    }

    /// The names with commas between them.
    fn text(&self) -> &'static str {
        if let (Some(one), None) = (self.first, &self.more) {
            return one;
        }
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, text)) = made.iter().find(|(known, _)| known == self) {
            return text;
        }
        let names: Vec<&str> = self.names().collect();
        let text: &'static str = Box::leak(names.join(",").into_boxed_str());
        made.push((self.clone(), text));
        text
    }

    /// Takes a protocol back that was found wrong.
    pub(crate) fn remove(&mut self, protocol: &Protocol) {
        let mut rest = Services::default();
        for name in self.names() {
            if name != protocol.name {
                rest.add(name);
            }
        }
        *self = rest;
    }
}

/// Texts of several protocols, of all workers: each is made once and kept for as long as the process lives. A worker comes here for a text that is new to it, which
/// happens as often as there are different ones: not for packets.
static MADE: Mutex<Vec<(Services, &'static str)>> = Mutex::new(Vec::new());

/// The texts that a worker has met.
#[derive(Default)]
pub(crate) struct Texts {
    texts: Vec<(Services, &'static str)>,
}

impl Texts {
    /// The number of the text of `services`: 0 for none, and where there are too many.
    pub(crate) fn number(&mut self, services: &Services) -> u16 {
        if services.first.is_none() {
            return 0;
        }
        // The name of a protocol is mostly the same piece of memory.
        let same = |(known, _): &(Services, _)| known.is_identical(services);
        let equal = |(known, _): &(Services, _)| known == services;
        let found = self.texts.iter().position(same);
        let found = found.or_else(|| self.texts.iter().position(equal));
        let at = match found {
            Some(at) => at,
            None if self.texts.len() == MAX_TEXTS => return 0,
            None => {
                let text = services.text();
                self.texts.push((services.clone(), text));
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
        assert_eq!(texts.number(&services), 0);
        services.add("smtp");
        let one = texts.number(&services);
        services.add("ssl");
        services.add("smtp");
        let two = texts.number(&services);
        assert_eq!(texts.text(one), Some("smtp"));
        assert_eq!(texts.text(two), Some("smtp,ssl"));
        assert_eq!(texts.number(&services), two);
        assert_eq!(texts.text(0), None);
    }
}
