//! Which addresses the names of the configuration have at present.

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::Address;
use crate::reactor::NameCell;

/// The names of a configuration; resolved on a thread of their own, read here without waiting.
#[derive(Debug, Default)]
pub struct Resolved {
    cells: HashMap<Address, Arc<NameCell>>,
}

impl Resolved {
    /// Notes where the addresses of a name are.
    pub fn insert(&mut self, address: Address, cell: Arc<NameCell>) {
        self.cells.insert(address, cell);
    }

    /// The address to dial at the attempt of this number; `None` when there are no more.
    pub(super) fn resolve(&self, address: &Address, attempt: u8) -> Option<Address> {
        match address {
            Address::Name { .. } => {
                let addresses = self.cells.get(address)?.addresses();
                addresses.get(usize::from(attempt)).map(|ip| Address::Ip(*ip))
            }
            _ => (attempt == 0).then(|| address.clone()),
        }
    }
}
