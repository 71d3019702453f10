//! The ledger as the user reads it at the end of a run, and adding it up once more.

/// One account with what it is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// What is accounted for.
    pub name: String,
    /// How many; `None` is unknown.
    pub total: Option<u64>,
    /// Where they went.
    pub parts: Vec<(String, Option<u64>)>,
}

/// A whole ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Its accounts, in order.
    pub accounts: Vec<Account>,
    /// Lines that say that something is missing: a fault.
    pub faults: Vec<String>,
}

impl Ledger {
    /// Reads the ledger at the end of what was printed; `None` if there is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Ledger> {
        let begin = text.rfind("Ledger\n")?;
        let mut ledger = Ledger::default();
        for line in text[begin..].lines().skip(1) {
            let indent = line.len() - line.trim_start().len();
            if line.contains("UNACCOUNTED") {
                ledger.faults.push(line.trim().to_owned());
            }
            // The number stands in a column of its own, two spaces or more behind the name.
            let Some((name, number)) = line.trim().rsplit_once("  ") else {
                continue;
            };
            let number = match number.trim() {
                "unknown" => None,
                digits => match digits.replace(',', "").parse() {
                    Ok(number) => Some(number),
                    Err(_) => continue,
                },
            };
            let name = name.trim().to_owned();
            match (indent, ledger.accounts.last_mut()) {
                (2, _) => ledger.accounts.push(Account {
                    name,
                    total: number,
                    parts: Vec::new(),
                }),
                (4, Some(account)) => account.parts.push((name, number)),
                // Causes of a part.
                _ => {}
            }
        }
        Some(ledger)
    }

    /// The account whose name begins so.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts
            .iter()
            .find(|account| account.name.starts_with(name))
    }

    /// A part of an account; 0 if it is not mentioned.
    ///
    /// # Panics
    /// If there is no such account, or the part is unknown.
    #[must_use]
    pub fn part(&self, account: &str, part: &str) -> u64 {
        let account = self
            .account(account)
            .unwrap_or_else(|| panic!("no {account}: {self:#?}"));
        match account.parts.iter().find(|(name, _)| name == part) {
            None => 0,
            Some((_, number)) => number.unwrap_or_else(|| panic!("{part} is unknown: {self:#?}")),
        }
    }

    /// The total of an account.
    ///
    /// # Panics
    /// If there is no such account, or its total is unknown.
    #[must_use]
    pub fn total(&self, account: &str) -> u64 {
        let found = self.account(account).and_then(|account| account.total);
        found.unwrap_or_else(|| panic!("no {account}: {self:#?}"))
    }

    /// What does not add up: nothing, if the books balance.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.faults.clone();
        for account in self
            .accounts
            .iter()
            .filter(|account| !account.parts.is_empty())
        {
            let sum: u64 = account.parts.iter().filter_map(|(_, number)| *number).sum();
            if account.total.is_some_and(|total| total != sum) {
                faults.push(format!("{} {:?} is not {sum}", account.name, account.total));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
files read\n\
Ledger
  on the wire of eth9                                        1,010
    missed by the NIC                                      unknown
    dropped by the kernel, ring full                            10
    delivered                                                1,000
  delivered                                                  1,000
    undecodable                                                  0
    not IP                                                       2
      arp                                                        2
    analysed                                                   997
  1,000 packets, 10 lost; the books balance
";

    #[test]
    fn accounts_are_read_and_added_up() {
        let ledger = Ledger::read(TEXT).unwrap();
        assert_eq!(ledger.total("on the wire"), 1010);
        assert_eq!(ledger.part("delivered", "not IP"), 2);
        assert_eq!(ledger.faults(), ["delivered Some(1000) is not 999"]);
        assert_eq!(Ledger::read("nothing"), None);
    }
}
