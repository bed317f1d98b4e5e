//! What the maple tree is compared with.
//!
//! Maps that know only single keys hold each range by its first or by its last index, whichever makes its look-up the quicker one.

mod brie;
mod btreemap;
mod concread;
mod imbl;
mod rangemap;
mod rwlock;
mod scc;
mod skipmap;

pub use self::brie::Brie;
pub use self::btreemap::Peer;
pub use self::concread::Concread;
pub use self::imbl::Imbl;
pub use self::rangemap::Ranges;
pub use self::rwlock::Locked;
pub use self::scc::Scc;
pub use self::skipmap::Skip;

use crate::subject::Change;

/// An ordered map from single keys.
trait Table {
    /// Inserts, or replaces.
    fn put(&mut self, key: u64, pair: (u64, u64));
    fn take(&mut self, key: u64);
    /// The range that covers `index`, if any.
    fn at(&self, index: u64) -> Option<(u64, (u64, u64))>;
}

/// What a change means when ranges are held by their first index: `first -> (last, value)`.
#[inline(always)]
fn apply_by_first(table: &mut impl Table, change: Change) {
    match change {
        Change::Build((first, last), value) => table.put(first, (last, value)),
        Change::Replace(index, value) => {
            if let Some((first, (last, _))) = table.at(index) {
                table.put(first, (last, value));
            }
        }
        Change::Erase((first, _)) => table.take(first),
        Change::Punch((first, _), hole) => {
            if let Some((_, (last, value))) = table.at(first) {
                table.put(hole.1 + 1, (last, value));
                table.put(first, (hole.0 - 1, value));
            }
        }
        Change::Restore((first, last), hole, value) => {
            table.take(hole.1 + 1);
            table.put(first, (last, value));
        }
    }
}

/// What a change means when ranges are held by their last index: `last -> (first, value)`.
#[inline(always)]
fn apply_by_last(table: &mut impl Table, change: Change) {
    match change {
        Change::Build((first, last), value) => table.put(last, (first, value)),
        Change::Replace(index, value) => {
            if let Some((last, (first, _))) = table.at(index) {
                table.put(last, (first, value));
            }
        }
        Change::Erase((_, last)) => table.take(last),
        Change::Punch((_, last), hole) => {
            if let Some((_, (first, value))) = table.at(last) {
                table.put(hole.0 - 1, (first, value));
                table.put(last, (hole.1 + 1, value));
            }
        }
        Change::Restore((first, last), hole, value) => {
            table.take(hole.0 - 1);
            table.put(last, (first, value));
        }
    }
}
